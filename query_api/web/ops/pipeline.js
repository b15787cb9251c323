// The picture: log → relay → projections, with what flows and what waits. It must not know where numbers come from.

import { Chart } from "./charts.js";
import { html } from "./html.js";
import { count, lasting, perSecond, plural, State } from "./words.js";

const BEHIND = 1; // seconds: until then nobody notices
const RELAY_BEHIND = 3; // it notes how far it is once a second
const FAR_BEHIND = 15;
const MOST_LOOKS = 5; // of lines in a chart

// How a thing that follows the log is doing: [colour, words].
function standing(lagSeconds, stopped, behind = BEHIND) {
  if (stopped) return ["bad", "Stopped"];
  if (lagSeconds === null) return ["watch", "Not built yet"];
  if (lagSeconds > FAR_BEHIND) return ["bad", "Far behind"];
  if (lagSeconds > behind) return ["watch", "Behind"];
  return ["good", "Keeps up"];
}

export const standingOf = (projection) => standing(projection.lag_seconds, projection.stopped.length > 0);

function Box({ name, rate, state, children }) {
  const [colour, words] = state;
  return html`<div class="box ${colour}" role="group" aria-label=${name} data-box=${name}>
    <header>
      <h3>${name}</h3>
      <${State} of=${colour}>${words}<//>
    </header>
    <p class="flow"><b>${perSecond(rate)}</b> <span class="soft">events/s</span></p>
    ${children}
  </div>`;
}

function LogBox({ pipeline, rate }) {
  const state = rate ? ["good", "Taking events"] : ["idle", rate === null ? "Looking …" : "Quiet"];
  return html`<${Box} name="log" rate=${rate} state=${state}>
    <p class="soft"><span data-position>${count(pipeline.position)}</span> events in all</p>
  <//>`;
}

function RelayBox({ relay, rate }) {
  const [colour, words] = relay.reason ? ["bad", "Stopped"] : standing(relay.lag_seconds, false, RELAY_BEHIND);
  return html`<${Box} name="relay" rate=${rate} state=${[colour, colour === "good" ? "Copies to Kafka" : words]}>
    <p class="soft">${plural(relay.lag_events, "event")}, ${lasting(relay.lag_seconds)} behind</p>
    ${relay.reason && html`<p class="reason">${relay.reason}</p>`}
    ${relay.dead_letters > 0 && html`<p class="reason">${plural(relay.dead_letters, "dead letter")}</p>`}
  <//>`;
}

function ProjectionBox({ projection, rate }) {
  const reasons = [...new Set(projection.stopped.map((place) => place.reason))];
  return html`<${Box} name=${projection.name} rate=${rate} state=${standingOf(projection)}>
    <p class="soft">${plural(projection.lag_events, "event")}, ${lasting(projection.lag_seconds)} behind</p>
    ${projection.parked > 0 && html`<p class="reason">${plural(projection.parked, "parked event")}</p>`}
    ${reasons.map((reason) => html`<p class="reason">${reason}</p>`)}
  <//>`;
}

// Lines from one thing to so many; they run while events flow.
function Flow({ to, moving }) {
  const ends = Array.from({ length: to }, (_, number) => ((number + 0.5) * 100) / to);
  return html`<div class=${moving ? "arrows moving" : "arrows"} aria-hidden="true">
    <svg viewBox="0 0 100 100" preserveAspectRatio="none">
      ${ends.map((end) => html`<path d=${`M0 50C55 50 45 ${end} 100 ${end}`} vector-effect="non-scaling-stroke" />`)}
    </svg>
  </div>`;
}

export function Picture({ pipeline, rates }) {
  const { relay, projections } = pipeline;
  const throughKafka = relay.noted_at !== null;
  const moving = (name) => (rates.rate(name) ?? 0) > 0;
  const followed = throughKafka ? "relay" : "log";
  return html`<div class="picture card ${throughKafka ? "kafka" : ""}">
    <${LogBox} pipeline=${pipeline} rate=${rates.rate("log")} />
    ${
      throughKafka &&
      html`<${Flow} to=${1} moving=${moving("log")} />
      <${RelayBox} relay=${relay} rate=${rates.rate("relay")} />`
    }
    <${Flow} to=${projections.length} moving=${moving(followed)} />
    <div class="projection-boxes">
      ${projections.map(
        (one) => html`<${ProjectionBox} key=${one.name} projection=${one} rate=${rates.rate(one.name)} />`,
      )}
    </div>
    ${!throughKafka && html`<p class="soft aside">Embedded mode: projections follow the log itself; no relay.</p>`}
  </div>`;
}

export function Charts({ pipeline, rates }) {
  const followers = [
    ...(pipeline.relay.noted_at === null ? [] : ["relay"]),
    ...pipeline.projections.filter((one) => one.version !== null).map((one) => one.name),
  ];
  const looks = new Map(["log", ...followers].map((name, look) => [name, Math.min(look, MOST_LOOKS)]));
  const line = (values) => (name) => ({ label: name, look: looks.get(name), values: values(name) });
  const now = (names, say) => `Now: ${names.map((name) => `${name} ${say(name)}`).join(", ")}.`;
  return html`<div class="charts">
    <${Chart}
      title="Events a second"
      times=${rates.times()}
      lines=${["log", ...followers].map(line((name) => rates.rates(name)))}
      say=${perSecond}
      floor=${5}
      note=${now(["log", ...followers], (name) => perSecond(rates.rate(name)))}
    />
    <${Chart}
      title="Behind the log"
      times=${rates.times()}
      lines=${followers.map(line((name) => rates.lags(name)))}
      say=${lasting}
      floor=${2}
      note=${now(followers, (name) => lasting(rates.lags(name).at(-1) ?? null))}
    />
  </div>`;
}
