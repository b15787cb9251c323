// The operators' desk: puts its parts together, asks the APIs for them, and sends what operators want done.
// It must not know how a part looks.

import { Away, MimoClient } from "/web/mimo-client/mimo-client.js";
import { Events } from "./events.js";
import { html, render, useEffect, useMemo, useRef, useState } from "./html.js";
import { Operations, titleOf } from "./operations.js";
import { Parked } from "./parked.js";
import { Charts, Picture } from "./pipeline.js";
import { usePolling } from "./polling.js";
import { Processes } from "./processes.js";
import { Projections } from "./projections.js";
import { Rates } from "./rates.js";
import { SignIn } from "./sign_in.js";

const SECTIONS = ["Pipeline", "Projections", "Operations", "Events", "Parked", "Processes"];
const NONE = [];
const SAID_FOR = 8000; // milliseconds
const RETRY = 2000;

// A part of the page; what is not there yet or cannot be had is said in its place.
function Part({ title, feed, children }) {
  const refusal = feed?.error instanceof Away ? null : feed?.error; // who is away is said above
  return html`<section id=${title.toLowerCase()} aria-labelledby=${`${title}-title`}>
    <h2 id=${`${title}-title`} tabindex="-1">${title}</h2>
    ${refusal && html`<p class="card refused" role="alert">${refusal.message}</p>`}
    ${feed && feed.value === null ? !feed.error && html`<p class="soft">Looking …</p>` : children()}
  </section>`;
}

function Banner({ away }) {
  const names = Object.entries({ query: "query API", command: "command API" }).filter(([which]) => away[which]);
  return html`<div class="banner" role="status">
    ${names.map(
      ([which, name]) => html`<p key=${which}>
        <b>The ${name} is away.</b> ${away[which]} It is asked again and again.
        ${which === "query" && " What you see is old."}
      </p>`,
    )}
  </div>`;
}

function Header({ email, signOut, live }) {
  return html`<header class="top">
    <a class="skip" href="#pipeline">To the content</a>
    <h1><span class="brand">mimo</span> Operators’ desk</h1>
    <nav aria-label="Parts of the page">
      ${SECTIONS.map((name) => html`<a href=${`#${name.toLowerCase()}`}>${name}</a>`)}
    </nav>
    <div class="who">
      <span class=${live ? "pulse" : "pulse off"}>${live ? "Live" : "Away"}</span>
      <span class="soft email">${email}</span>
      <button onClick=${signOut}>Sign out</button>
    </div>
  </header>`;
}

// A sentence that is said for a while.
function useSaid() {
  const [said, setSaid] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setSaid(null), SAID_FOR);
    return () => clearTimeout(timer);
  }, [said]);
  return [said, setSaid];
}

// Says what came of operations that end while somebody looks.
function useEnds(operations, say) {
  const waiting = useRef(new Set());
  useEffect(() => {
    for (const one of operations) {
      if (one.ended_at === null) waiting.current.add(one.operation_id);
      else if (waiting.current.delete(one.operation_id)) say(`${titleOf(one)}: ${one.said}`);
    }
  }, [operations]);
}

function Desk({ api, away, email, signOut }) {
  const [said, setSaid] = useSaid();
  const rates = useRef(new Rates()).current;
  const list = (path) => () => api.read(path);
  const operations = usePolling(list("/v1/operations?limit=20"), 1000);
  const items = operations.value?.items ?? NONE;
  const busy = items.some((one) => one.ended_at === null && one.via === "desk");
  const pipeline = usePolling(async () => {
    const answer = await api.read("/v1/pipeline");
    rates.add(answer);
    return answer;
  }, 1000);
  const generations = usePolling(list("/v1/generations"), busy ? 1000 : 3000);
  const parked = usePolling(list("/v1/parked"), 3000);
  const processes = usePolling(list("/v1/processes"), 3000);

  async function send(action, projection, body) {
    await api.command("POST", `/v1/projections/${encodeURIComponent(projection)}/${action}`, body);
    setSaid(`Asked for: ${titleOf({ action, target: projection })}.`);
    operations.again();
  }
  const atOnce = (doing) => doing.catch((error) => setSaid(error.message));
  const verify = (name) => atOnce(send("verify", name));
  const retry = ({ projection, key }) => atOnce(send("retry-parked", projection, { keys: [key] }));
  const cancel = (operation) =>
    atOnce(
      api.command("POST", `/v1/operations/${operation.operation_id}/cancel`).then(() => {
        setSaid(`Stopped: ${titleOf(operation)}.`);
        operations.again();
      }),
    );
  useEnds(items, setSaid);

  return html`<${Header} email=${email} signOut=${signOut} live=${!away.query} />
    <${Banner} away=${away} />
    <main class=${away.query ? "old" : ""}>
      <${Part} title="Pipeline" feed=${pipeline}>
        ${() => html`<${Picture} pipeline=${pipeline.value} rates=${rates} />
          <${Charts} pipeline=${pipeline.value} rates=${rates} />`}
      <//>
      <${Part} title="Projections" feed=${pipeline}>
        ${() => html`<${Projections}
          pipeline=${pipeline.value}
          generations=${generations.value?.items ?? []}
          operations=${items}
          send=${send}
          verify=${verify}
          cancel=${cancel}
        />`}
      <//>
      <${Part} title="Operations" feed=${operations}>
        ${() => html`<${Operations} operations=${items} api=${api} ownId=${api.session.userId} cancel=${cancel} />
          ${operations.value.next_cursor && html`<p class="soft">Earlier ones: <code>mimo operations</code>.</p>`}`}
      <//>
      <${Part} title="Events">${() => html`<${Events} api=${api} />`}<//>
      <${Part} title="Parked" feed=${parked}>
        ${() => html`<${Parked} items=${parked.value.items} api=${api} send=${send} retry=${retry} />`}
      <//>
      <${Part} title="Processes" feed=${processes}>${() => html`<${Processes} items=${processes.value.items} />`}<//>
    </main>
    <p class="toast" role="status">${said}</p>`;
}

// Signed out, signed in, or (null) not known yet.
function Whole({ commands }) {
  const [person, setPerson] = useState(null);
  const [away, setAway] = useState({ query: null, command: null });
  const leave = (said) => setPerson({ said });
  const { api, session } = useMemo(() => new MimoClient({ commands, ended: leave, awayChanged: setAway }), []);

  async function enter() {
    const { email } = await api.read("/v1/me");
    if (!session.roles.includes("admin")) {
      await session.signOut();
      throw new Error(`The desk is for admins, and ${email} is none.`);
    }
    setPerson({ email });
  }

  useEffect(() => {
    async function resume() {
      try {
        if (await session.resume()) await enter();
        else leave(null);
      } catch (error) {
        if (!(error instanceof Away)) return leave(error.message);
        setAway((known) => ({ ...known, command: known.query ? null : error.message }));
        setTimeout(resume, RETRY);
      }
    }
    resume();
  }, []);

  async function signIn(email, password) {
    await session.signIn(email, password);
    await enter();
  }
  async function signOut() {
    await session.signOut();
    leave(null);
  }

  if (person?.email) return html`<${Desk} api=${api} away=${away} email=${person.email} signOut=${signOut} />`;
  if (person) return html`<${SignIn} enter=${signIn} said=${person.said} />`;
  return html`<${Banner} away=${away} />`;
}

async function begin() {
  const place = document.getElementById("desk");
  try {
    const { commands } = await (await fetch("/web/where.json", { cache: "no-store" })).json();
    render(html`<${Whole} commands=${commands} />`, place);
  } catch {
    setTimeout(begin, RETRY);
  }
}

begin();
