// Projections and their generations, with what can be done to them. It must not know how any of it is carried out.

import { Question } from "./dialogs.js";
import { html, useState } from "./html.js";
import { Progress } from "./operations.js";
import { standingOf } from "./pipeline.js";
import { count, named, plural, size, State, Time } from "./words.js";

const STATUS = {
  live: "Readers see it",
  standby: "Stands by",
  building: "Is being built",
  aside: "Built aside",
  scratch: "To be looked at",
};
const COLOURS = { live: "good", building: "watch" };

function ReplayQuestion({ projection, throughKafka, send, closed }) {
  const sent = (form) => {
    const rate = Number(form.get("rate"));
    return send("replay", projection.name, {
      source: form.get("source") ?? "log",
      jobs: Number(form.get("jobs")),
      rate: rate || null,
    });
  };
  return html`<${Question} title=${`Replay ${projection.name}`} action="Replay" send=${sent} closed=${closed}>
    <p>
      Builds the next generation beside the one that readers see, from all events, and shows it once it has caught up.
      Readers notice nothing; the old one stands by.
    </p>
    <div class="fields">
      ${
        throughKafka &&
        html`<label>Events from
        <select name="source"><option value="log">the log</option><option value="kafka">Kafka</option></select>
      </label>`
      }
      <label>Processes <input name="jobs" type="number" min="1" max="16" value="1" required /></label>
      <label>Events a second at most <input name="rate" type="number" min="1" placeholder="as many as it can" /></label>
    </div>
  <//>`;
}

function RollbackQuestion({ generation, send, closed }) {
  const sent = () => send("rollback", generation.projection, { generation: generation.generation });
  const title = `Show ${named(generation)} to readers`;
  return html`<${Question} danger title=${title} action="Show it" send=${sent} closed=${closed}>
    <p>From then on readers see this generation. The one that they see now stands by and can be shown again.</p>
  <//>`;
}

function DropQuestion({ generation, send, closed }) {
  const sent = () => send("drop", generation.projection, { generation: generation.generation });
  const title = `Drop ${named(generation)}`;
  const action = `Drop ${size(generation.bytes)}`;
  return html`<${Question} danger title=${title} action=${action} send=${sent} closed=${closed}>
    <p>Its tables are deleted. Readers do not see them; a replay builds new ones, and the log keeps every event.</p>
  <//>`;
}

function Generation({ generation, replaying, ask }) {
  const { status } = generation;
  const inUse = status === "live" || status === "scratch" || (status === "building" && replaying);
  return html`<li class="generation">
    <span><code>${named(generation)}</code> <${State} of=${generation.stopped ? "bad" : (COLOURS[status] ?? "idle")}>
      ${generation.stopped ? "Stopped" : (STATUS[status] ?? status)}
    <//></span>
    <span class="soft">
      ${size(generation.bytes)}, built <${Time} at=${generation.created_at} />${
        generation.events_behind > 0 && `, ${plural(generation.events_behind, "event")} behind`
      }
    </span>
    ${generation.stopped && html`<span class="reason">${generation.stopped}</span>`}
    ${
      !inUse &&
      html`<span class="choices">
      ${
        status === "standby" &&
        html`<button onClick=${() => ask("rollback", generation)} aria-label=${`Show ${named(generation)} to readers`}>
        Roll back to it…
      </button>`
      }
      <button onClick=${() => ask("drop", generation)} aria-label=${`Drop ${named(generation)}`}>Drop…</button>
    </span>`
    }
  </li>`;
}

function Projection({ projection, generations, underway, ask, verify, cancel }) {
  const [colour, words] = standingOf(projection);
  const { name } = projection;
  const has = (action) => underway.some((operation) => operation.action === action);
  const order = { live: 0, building: 1, standby: 2 };
  const sorted = generations.toSorted((one, other) => (order[one.status] ?? 3) - (order[other.status] ?? 3));
  return html`<article class="card projection" aria-label=${name}>
    <header>
      <h3>${name}</h3>
      <${State} of=${colour}>${words}<//>
    </header>
    <p class="soft">
      ${plural(projection.lag_events, "event")} behind, ${count(projection.applied)} applied
    </p>
    <ul class="generations">
      ${sorted.map(
        (one) => html`<${Generation} key=${one.generation} generation=${one} replaying=${has("replay")} ask=${ask} />`,
      )}
    </ul>
    ${underway.map(
      (operation) => html`<div class="underway" key=${operation.operation_id}>
        <${Progress} titled operation=${operation} cancel=${cancel} />
      </div>`,
    )}
    <div class="choices">
      <button onClick=${() => ask("replay", projection)} disabled=${has("replay")} aria-label=${`Replay ${name}`}>
        Replay…
      </button>
      <button onClick=${() => verify(name)} disabled=${has("verify")} aria-label=${`Verify ${name}`}>
        Verify
      </button>
    </div>
  </article>`;
}

// send(action, projection, body): sends a command and throws what refuses it. verify(name): asks for it at once.
export function Projections({ pipeline, generations, operations, send, verify, cancel }) {
  const [question, setQuestion] = useState(null);
  const closed = () => setQuestion(null);
  const ask = (action, subject) => setQuestion({ action, subject });
  const underwayAt = (name) =>
    operations.filter((one) => one.ended_at === null && one.target === name && one.via === "desk");
  return html`<div class="cards">
    ${pipeline.projections.map(
      (one) => html`<${Projection}
        key=${one.name}
        projection=${one}
        generations=${generations.filter((generation) => generation.projection === one.name)}
        underway=${underwayAt(one.name)}
        ask=${ask}
        verify=${verify}
        cancel=${cancel}
      />`,
    )}
    ${
      question?.action === "replay" &&
      html`<${ReplayQuestion}
      projection=${question.subject}
      throughKafka=${pipeline.relay.noted_at !== null}
      send=${send}
      closed=${closed}
    />`
    }
    ${
      question?.action === "rollback" &&
      html`<${RollbackQuestion} generation=${question.subject} send=${send} closed=${closed} />`
    }
    ${
      question?.action === "drop" &&
      html`<${DropQuestion} generation=${question.subject} send=${send} closed=${closed} />`
    }
  </div>`;
}
