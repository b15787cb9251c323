// One event in full, in a dialog, with the ones before and after it. It must not know how events are found.

import { Dialog } from "./dialogs.js";
import { html, useEffect, useState } from "./html.js";
import { count, Time } from "./words.js";

const FIELDS = [
  "id", "type", "schema", "stream", "version", "topic", "partition", "offset", "key", "actor", "correlation_id",
  "causation_id", "traceparent",
]; // prettier-ignore
const FOLLOWED = new Set(["type", "stream", "topic", "key", "actor"]);

// position: which event. follow(field, value): shows the events that have the same there, where that can be done.
export function EventDialog({ position, api, follow, closed }) {
  const [at, setAt] = useState(position);
  const [event, setEvent] = useState(null);
  const [refused, setRefused] = useState(null);

  useEffect(() => {
    let over = false;
    api
      .read(`/v1/events/${at}`)
      .then((found) => over || (setEvent(found), setRefused(null)))
      .catch((error) => over || (setEvent(null), setRefused(error.message)));
    return () => (over = true);
  }, [at]);

  return html`<${Dialog} wide title=${`Event ${count(at)}`} closed=${closed}>
    <div class="choices spread">
      <button onClick=${() => setAt(at - 1)} disabled=${at <= 1}>← Before</button>
      <button onClick=${() => setAt(at + 1)}>After →</button>
      <button autofocus onClick=${(click) => click.target.closest("dialog").close()}>Close</button>
    </div>
    <p class="refused" role="alert">${refused}</p>
    ${
      event &&
      html`<dl class="event" data-position=${event.position}>
        <dt>time</dt>
        <dd><${Time} at=${event.time} /> <span class="soft">${event.time}</span></dd>
        ${FIELDS.map(
          (field) => html`<dt>${field.replace("_", " ")}</dt>
            <dd>
              <code>${event[field] ?? "–"}</code>
              ${
                follow &&
                FOLLOWED.has(field) &&
                html` <button
                  class="link"
                  aria-label=${`Only this ${field}`}
                  onClick=${() => follow(field, event[field])}
                >
                  only these
                </button>`
              }
            </dd>`,
        )}
      </dl>
      <h3>data</h3>
      <pre tabindex="0">${JSON.stringify(event.data, null, 2)}</pre>`
    }
  <//>`;
}
