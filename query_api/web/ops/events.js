// The events of the log: newest first, by filter, standing still on demand. It must not know what events mean.

import { EventDialog } from "./event.js";
import { html, useRef, useState } from "./html.js";
import { useTail } from "./tail.js";
import { count, Time } from "./words.js";

const FILTERS = [
  ["type", "Type", "MessageSent"], ["topic", "Topic", "mimo.messages"], ["stream", "Stream", "course-…"],
  ["key", "Key", ""], ["actor", "Actor", ""], ["since", "Since", "15m"],
]; // prettier-ignore

function Filter({ filter, setFilter, still, setStill }) {
  const form = useRef(null);
  const submitted = (event) => {
    event.preventDefault();
    setFilter(Object.fromEntries([...new FormData(form.current)].map(([name, value]) => [name, value.trim()])));
    setStill(false);
  };
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
      <button type="button" onClick=${() => setFilter({})} disabled=${!filtered}>All</button>
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

const Row = ({ event, open }) =>
  html`<tr>
    <td data-label="Position">
      <button
        class="link"
        data-event=${event.position}
        onClick=${() => open(event.position)}
        aria-label=${`Open event ${event.position}, ${event.type}`}
      >
        ${count(event.position)}
      </button>
    </td>
    <td data-label="Time"><${Time} at=${event.time} /></td>
    <td data-label="Type"><b>${event.type}</b></td>
    <td data-label="Stream"><code>${event.stream}</code></td>
    <td data-label="Actor"><code>${event.actor}</code></td>
  </tr>`;

const Rows = ({ items, open }) =>
  html`<table class="folding events">
    <thead>
      <tr>
        ${["Position", "Time", "Type", "Stream", "Actor"].map((name) => html`<th scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody onKeyDown=${moved}>
      ${items.map((one) => html`<${Row} key=${one.position} event=${one} open=${open} />`)}
    </tbody>
  </table>`;

// What stands below the rows: how far was looked, and the way further back.
function Further({ items, before, back }) {
  const [refused, setRefused] = useState(null);
  const [busy, setBusy] = useState(false);
  const looked = async () => {
    setBusy(true);
    setRefused(
      await back().then(
        () => null,
        (error) => error.message,
      ),
    );
    setBusy(false);
  };
  return html`<p class="choices further">
    ${!items.length && html`<span class="soft">No such event yet. It will appear here.</span>`}
    ${
      before !== null &&
      html`<button onClick=${looked} disabled=${busy}>
        ${items.length ? "Further back" : `Look further back, before ${count(before)}`}
      </button>`
    }
    <span class="refused" role="alert">${refused}</span>
  </p>`;
}

export function Events({ api }) {
  const [filter, setFilter] = useState({});
  const [still, setStill] = useState(false);
  const [opened, setOpened] = useState(null);
  const { items, error, passed, position, before, back } = useTail(api, filter, still);

  const closed = () => setOpened(null);
  const follow = (field, value) => {
    closed();
    setStill(false);
    setFilter({ [field]: value });
  };
  const further = () => {
    setStill(true);
    return back();
  };
  return html`<${Filter} filter=${filter} setFilter=${setFilter} still=${still} setStill=${setStill} />
    ${error && html`<p class="card refused" role="alert">${error.message}</p>`}
    ${passed && html`<p class="soft aside">More events come than can be shown; some were passed over.</p>`}
    ${
      position !== null &&
      html`<div class="card tail">
        ${items.length > 0 && html`<${Rows} items=${items} open=${setOpened} />`}
        <${Further} items=${items} before=${before} back=${further} />
      </div>`
    }
    ${opened !== null && html`<${EventDialog} position=${opened} api=${api} follow=${follow} closed=${closed} />`}`;
}
