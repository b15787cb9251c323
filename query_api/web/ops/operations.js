// What operators have done and are doing: who, when, what, how far, and what came of it. It must not know how.

import { html, useEffect, useState } from "./html.js";
import { count, lasting, plural, State, Time } from "./words.js";

const OUTCOMES = { done: ["good", "Done"], failed: ["bad", "Failed"], cancelled: ["idle", "Stopped"] };
const TITLES = {
  replay: "Replay", rollback: "Roll back", drop: "Drop", verify: "Verify",
  "retry-parked": "Retry parked events", "discard-parked": "Discard parked events",
}; // prettier-ignore

export const titleOf = (operation) => `${TITLES[operation.action] ?? operation.action} ${operation.target}`;

const howOf = ({ options }) =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

function remaining({ done, total, begun_at, told_at }) {
  const took = (Date.parse(told_at) - Date.parse(begun_at)) / 1000;
  return done > 0 && took > 1 && total > done ? `about ${lasting((took * (total - done)) / done)} left` : null;
}

// How far an operation is, and a button that stops it; with its title where nothing else says it.
export function Progress({ operation, cancel, titled }) {
  const { progress } = operation;
  const title = titleOf(operation);
  const told = progress && [
    progress.doing,
    progress.total > 0 && `${count(progress.done)} of ${plural(progress.total, "event")}`,
    remaining(progress),
  ];
  const text = told ? told.filter(Boolean).join(", ") : "Waits for the operations worker.";
  return html`<div class="progress">
    <div class="choices">
      ${titled ? html`<b>${title}</b>` : html`<span class="soft">${text}</span>`}
      ${
        operation.via === "desk" &&
        html`<button onClick=${() => cancel(operation)} aria-label=${`Stop: ${title}`}>Stop</button>`
      }
    </div>
    ${
      progress && progress.total > 0
        ? html`<progress max=${progress.total} value=${progress.done} aria-label=${title}></progress>`
        : html`<progress aria-label=${title}></progress>`
    }
    ${titled && html`<span class="soft">${text}</span>`}
  </div>`;
}

// Names of the people who asked, looked up once each.
function useNames(operations, api, ownId) {
  const [names, setNames] = useState(new Map());
  const actors = [...new Set(operations.map((operation) => operation.asked_by))];
  useEffect(() => {
    for (const actor of actors.filter((one) => one.startsWith("user:") && !names.has(one))) {
      names.set(actor, null);
      api
        .read(`/v1/users/${encodeURIComponent(actor.slice(5))}`)
        .then((user) => setNames((known) => new Map(known).set(actor, user.display_name)))
        .catch(() => names.delete(actor));
    }
  }, [actors.join()]);
  return (actor) => {
    const [kind, id] = actor.split(/:(.*)/);
    if (kind === "user") return `${names.get(actor) ?? "somebody"}${id === ownId ? " (you)" : ""}`;
    return kind === "operator" ? `${id}, command line` : actor;
  };
}

function Outcome({ operation, cancel }) {
  if (operation.ended_at === null) {
    if (operation.via === "desk") return html`<${Progress} operation=${operation} cancel=${cancel} />`;
    return html`<${State} of="watch">Begun on the command line, no end heard of<//>`;
  }
  const [colour, words] = OUTCOMES[operation.outcome] ?? ["idle", operation.outcome];
  return html`<div><${State} of=${colour}>${words}<//> <span class="said">${operation.said}</span></div>`;
}

export function Operations({ operations, api, ownId, cancel }) {
  const nameOf = useNames(operations, api, ownId);
  if (!operations.length) return html`<p class="card empty">Nobody has done anything to the system yet.</p>`;
  return html`<div class="card tail"><table class="folding">
    <thead>
      <tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Who</th><th scope="col">How it is</th></tr>
    </thead>
    <tbody>
      ${operations.map(
        (one) => html`<tr
          key=${one.operation_id}
          data-operation=${`${one.action} ${one.target}`}
          data-outcome=${one.outcome ?? "underway"}
        >
          <td data-label="When"><${Time} at=${one.asked_at} /></td>
          <td data-label="What"><b>${titleOf(one)}</b> <span class="soft">${howOf(one)}</span></td>
          <td data-label="Who">${nameOf(one.asked_by)}</td>
          <td data-label="How it is"><${Outcome} operation=${one} cancel=${cancel} /></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}
