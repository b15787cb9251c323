// Events that could not be applied and were set aside, by key: retried or given up. It must not know why they failed.

import { Question } from "./dialogs.js";
import { EventDialog } from "./event.js";
import { html, useState } from "./html.js";
import { named, plural, Time } from "./words.js";

const keyOf = (parked) => `${named(parked)} ${parked.topic} ${parked.key}`;

function DiscardQuestion({ parked, send, closed }) {
  const sent = () => send("discard-parked", parked.projection, { key: parked.key, events: parked.events });
  const number = plural(parked.events, "event");
  const action = `Discard ${number}`;
  return html`<${Question} danger title=${action} action=${action} send=${sent} closed=${closed}>
    <p>
      The view <code>${parked.projection}</code> goes on without ${number} of the key <code>${parked.key}</code>. They
      stay in the log; a replay meets them again. If there are more of them by then, nothing is discarded.
    </p>
  <//>`;
}

function Row({ parked, open, retry, discard }) {
  const what = `${parked.projection}, key ${parked.key}`;
  return html`<tr>
    <td data-label="View"><code>${named(parked)}</code></td>
    <td data-label="Key"><code>${parked.key}</code></td>
    <td data-label="Events">
      <span>
        ${plural(parked.events, "event")}, the first a${" "}
        ${
          parked.position === null
            ? parked.type
            : html`<button class="link" onClick=${() => open(parked.position)}>${parked.type}</button>`
        }
      </span>
    </td>
    <td data-label="Since"><${Time} at=${parked.parked_at} /></td>
    <td data-label="Why" class="reason">${parked.error}</td>
    <td class="choices">
      <button onClick=${() => retry(parked)} aria-label=${`Retry ${what}`}>Retry</button>
      <button onClick=${() => discard(parked)} aria-label=${`Discard ${what}`}>Discard…</button>
    </td>
  </tr>`;
}

// send(action, projection, body): sends a command and throws what refuses it. retry(parked): asks for it at once.
export function Parked({ items, api, send, retry }) {
  const [discarding, setDiscarding] = useState(null);
  const [opened, setOpened] = useState(null);
  if (!items.length && !discarding && !opened) return html`<p class="card empty">No event is parked.</p>`;
  return html`<div class="card"><table class="folding">
      <thead>
        <tr>
          <th scope="col">View</th><th scope="col">Key</th><th scope="col">Events</th><th scope="col">Since</th>
          <th scope="col">Why</th><th><span class="hidden">What to do</span></th>
        </tr>
      </thead>
      <tbody>
        ${items.map(
          (one) =>
            html`<${Row} key=${keyOf(one)} parked=${one} open=${setOpened} retry=${retry} discard=${setDiscarding} />`,
        )}
      </tbody>
    </table></div>
    ${opened !== null && html`<${EventDialog} position=${opened} api=${api} closed=${() => setOpened(null)} />`}
    ${
      discarding && html`<${DiscardQuestion} parked=${discarding} send=${send} closed=${() => setDiscarding(null)} />`
    }`;
}
