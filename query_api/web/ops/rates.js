// From positions at moments to events a second, over the last minutes. It must not know how anything is drawn.

export const KEPT_SECONDS = 300;
const OVER_SECONDS = 3; // a rate is taken over so long, so that single seconds do not make it jump
const GAP_SECONDS = 10; // nobody looked: lines are broken there

// What a /v1/pipeline answer says of each thing that moves: { ran, lag, build }.
function things(pipeline) {
  const found = { log: { ran: pipeline.position, lag: null, build: pipeline.log_id } };
  const relay = pipeline.relay;
  if (relay.noted_at !== null) found.relay = { ran: relay.position, lag: relay.lag_seconds, build: pipeline.log_id };
  for (const one of pipeline.projections) {
    const build = `${one.version}.${one.generation}`;
    if (one.version !== null) found[one.name] = { ran: one.applied, lag: one.lag_seconds, build };
  }
  return found;
}

export class Rates {
  #samples = [];

  // Takes an answer of /v1/pipeline in.
  add(pipeline) {
    const at = Date.parse(pipeline.at) / 1000;
    const last = this.#samples.at(-1);
    if (last && at <= last.at) return;
    if (last && at - last.at > GAP_SECONDS)
      this.#samples.push({ at: last.at + 1, things: {}, rates: {}, broken: true });
    const now = things(pipeline);
    this.#samples.push({ at, things: now, rates: this.#rates(at, now) });
    while (this.#samples[0].at < at - KEPT_SECONDS) this.#samples.shift();
  }

  // Events a second of a thing now; null if that is not known.
  rate(name) {
    return this.#samples.at(-1)?.rates[name] ?? null;
  }

  // The times of all samples, in seconds since 1970.
  times() {
    return this.#samples.map((sample) => sample.at);
  }

  rates(name) {
    return this.#samples.map((sample) => sample.rates[name] ?? null);
  }

  lags(name) {
    return this.#samples.map((sample) => sample.things[name]?.lag ?? null);
  }

  #rates(at, now) {
    const since = this.#samples.findLastIndex((sample) => sample.at <= at - OVER_SECONDS || sample.broken);
    const before = this.#samples.slice(Math.max(0, since)).filter((sample) => !sample.broken);
    const rates = {};
    for (const [name, { ran, build }] of Object.entries(now)) {
      // A build that is shown since a moment begins its own line.
      const first = before.find((sample) => sample.things[name]?.build === build);
      if (first && ran >= first.things[name].ran) rates[name] = (ran - first.things[name].ran) / (at - first.at);
    }
    return rates;
  }
}
