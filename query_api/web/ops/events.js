// The tail of the log: newest events first, by filter, standing still on demand. It must not know what events mean.

import { EventDialog } from "./event.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { usePolling } from "./polling.js";
import { count, Time } from "./words.js";

const KEPT = 100; // rows
const PAUSE = 1000; // milliseconds
const FILTERS = [
  ["type", "Type", "MessageSent"], ["topic", "Topic", "mimo.messages"], ["stream", "Stream", "course-…"],
  ["key", "Key", ""], ["actor", "Actor", "user:…"],
]; // prettier-ignore

function asked(filter, more) {
  const given = Object.entries(filter).filter(([, value]) => value);
  return `/v1/events?${new URLSearchParams([...given, ...Object.entries(more)])}`;
}

// Asks for what is new, and begins anew with the newest when there is more than can be shown.
async function newer(api, filter, tail) {
  if (tail.position === null) return { ...(await api.read(asked(filter, { limit: KEPT }))), passed: false };
  const found = await api.read(asked(filter, { after: tail.position, limit: KEPT }));
  if (found.items.length < KEPT) return { items: found.items.reverse(), position: found.position, passed: false };
  return { ...(await api.read(asked(filter, { limit: KEPT }))), passed: true };
}

function useTail(api, filter, still) {
  const [tail, setTail] = useState({ items: [], position: null, passed: false });
  const text = JSON.stringify(filter);
  const latest = useRef(tail);
  latest.current = tail;
  useEffect(() => {
    latest.current = { items: [], position: null, passed: false };
    setTail(latest.current);
  }, [text]);
  const { error, again } = usePolling(
    async () => {
      const before = latest.current;
      const found = await newer(api, filter, before);
      if (latest.current !== before) return; // the filter is another one by now
      const items = found.passed ? found.items : [...found.items, ...before.items].slice(0, KEPT);
      if (found.items.length || before.position === null) latest.current = { ...found, items };
      else latest.current = { ...before, position: found.position };
      setTail(latest.current);
    },
    still ? null : PAUSE,
  );
  useEffect(() => void again(), [text]);
  return { ...tail, error };
}

function Filter({ filter, setFilter, still, setStill }) {
  const form = useRef(null);
  const submitted = (event) => {
    event.preventDefault();
    setFilter(Object.fromEntries([...new FormData(form.current)].map(([name, value]) => [name, value.trim()])));
  };
  const emptied = () => setFilter({});
  const filtered = Object.values(filter).some(Boolean);
  return html`<form ref=${form} class="filter card" role="search" aria-label="Events" onSubmit=${submitted}>
    ${FILTERS.map(
      ([name, label, example]) => html`<label>${label}
        <input
          key=${filter[name] ?? ""}
          name=${name}
          defaultValue=${filter[name] ?? ""}
          placeholder=${example}
          autocomplete="off"
          spellcheck="false"
        />
      </label>`,
    )}
    <div class="choices">
      <button class="main">Filter</button>
      <button type="button" onClick=${emptied} disabled=${!filtered}>All</button>
      <button type="button" aria-pressed=${still} onClick=${() => setStill(!still)}>Hold still</button>
    </div>
  </form>`;
}

// Arrow keys go from one event to the next.
function moved(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...event.currentTarget.querySelectorAll("button")];
  const next = buttons[buttons.indexOf(document.activeElement) + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

export function Events({ api }) {
  const [filter, setFilter] = useState({});
  const [still, setStill] = useState(false);
  const [opened, setOpened] = useState(null);
  const { items, error, passed, position } = useTail(api, filter, still);

  const closed = () => setOpened(null);
  const follow = (field, value) => {
    setOpened(null);
    setFilter({ [field]: value });
  };
  return html`<${Filter} filter=${filter} setFilter=${setFilter} still=${still} setStill=${setStill} />
    ${error && html`<p class="card refused" role="alert">${error.message}</p>`}
    ${passed && html`<p class="soft aside">More events come than can be shown; some were passed over.</p>`}
    ${!items.length && position !== null && html`<p class="card empty">No such event yet. It will appear here.</p>`}
    ${
      items.length > 0 &&
      html`<div class="card tail">
      <table class="folding events">
        <thead>
          <tr>
            ${["Position", "Time", "Type", "Stream", "Actor"].map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody onKeyDown=${moved}>
          ${items.map(
            (one) => html`<tr key=${one.position}>
              <td data-label="Position">
                <button
                  class="link"
                  data-event=${one.position}
                  onClick=${() => setOpened(one.position)}
                  aria-label=${`Open event ${one.position}, ${one.type}`}
                >
                  ${count(one.position)}
                </button>
              </td>
              <td data-label="Time"><${Time} at=${one.time} /></td>
              <td data-label="Type"><b>${one.type}</b></td>
              <td data-label="Stream"><code>${one.stream}</code></td>
              <td data-label="Actor"><code>${one.actor}</code></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>`
    }
    ${opened !== null && html`<${EventDialog} position=${opened} api=${api} follow=${follow} closed=${closed} />`}`;
}
