// Where one is signed in: every session, the present one marked, each to be ended. It must not know how one signs in.

import { html, useState } from "./html.js";
import { Screen } from "./icons.js";
import { Failed, Sketch, useLoaded } from "./loading.js";
import { usePlace } from "./place.js";
import { ago, counted, day } from "./words.js";

function Session({ one, busy, end }) {
  return html`<li class="row">
    <${Screen} />
    <span class="grow">
      <b>${one.current ? "This session" : "Another session"}</b>
      <span class="muted small" title=${day(one.started_at)}>
        begun <time datetime=${one.started_at}>${ago(one.started_at)}</time>
      </span>
    </span>
    ${
      one.current
        ? html`<span class="standing good">You are here</span>`
        : html`<button
            type="button"
            class="button small"
            disabled=${busy}
            aria-label=${`End it: the session begun ${ago(one.started_at)}`}
            onClick=${end}
          >
            End it
          </button>`
    }
  </li>`;
}

// turn: another number when sessions have ended for a reason that stands elsewhere.
export function Sessions({ turn }) {
  const { client, say, signOut } = usePlace();
  const [busy, setBusy] = useState(false);
  const { value, error, put, again } = useLoaded(() => client.people.sessions(), [turn]);
  const others = value?.items.filter((one) => !one.current) ?? [];

  async function end(sessions) {
    setBusy(true);
    try {
      for (const { session_id: id } of sessions) {
        await client.people.endSession(id).catch((refused) => {
          if (refused.code !== "not_found") throw refused; // it has ended by itself
        });
        put((old) => ({ ...old, items: old.items.filter((one) => one.session_id !== id) }));
      }
      say(`${counted(sessions.length, "session")} ended.`);
    } catch (refused) {
      say(refused.message, "bad");
    } finally {
      setBusy(false);
      again();
    }
  }
  return html`${error && html`<${Failed} error=${error} again=${again} what="The list of sessions" />`}
    ${!value && !error && html`<${Sketch} lines=${2} />`}
    ${
      value &&
      html`<ul class="rows">
        ${value.items.map(
          (one) => html`<${Session} key=${one.session_id} one=${one} busy=${busy} end=${() => end([one])} />`,
        )}
      </ul>`
    }
    <div class="choices">
      ${
        others.length > 1 &&
        html`<button type="button" class="button" disabled=${busy} onClick=${() => end(others)}>End all others</button>`
      }
      <button type="button" class="button danger" onClick=${() => signOut("You are signed out everywhere.", true)}>
        Sign out everywhere
      </button>
    </div>`;
}
