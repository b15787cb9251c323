// Asks both APIs in the name of the session, and knows which of them is away. It must not know what is asked for.

import { Away, Refused, refusal } from "./errors.js";

const PATIENCE = 10000; // milliseconds that an answer may take
const TRIES = 3; // of a command; the same key makes it safe

export class Api {
  // changed: called when an API goes away or comes back.
  constructor(session, changed) {
    this.session = session;
    this.changed = changed;
    this.away = { query: null, command: null }; // what was said, while it does not answer
  }

  // The JSON at a path of the query API.
  async read(path) {
    return (await this.#asked("query", path, {})).json();
  }

  // Sends a command; if no answer comes, the same again, which does it once only. Returns its JSON.
  async command(path, body) {
    const headers = { "Idempotency-Key": randomKey(), "Content-Type": "application/json" };
    const options = { method: "POST", headers, body: body === undefined ? undefined : JSON.stringify(body) };
    for (let left = TRIES - 1; ; left--) {
      try {
        return await (await this.#asked("command", this.session.commands + path, options)).json();
      } catch (error) {
        if (!(error instanceof Away) || left === 0) throw error;
        await new Promise((again) => setTimeout(again, 500));
      }
    }
  }

  async #asked(which, url, options) {
    try {
      let answer = await this.#fetched(url, options);
      if (answer.status === 401) {
        await this.session.renew();
        answer = await this.#fetched(url, options);
      }
      if (!answer.ok) throw await refusal(answer);
      this.#note(which, null);
      return answer;
    } catch (error) {
      if (error instanceof Refused) this.#note(which, null);
      else this.#note(which, error.message);
      throw error;
    }
  }

  async #fetched(url, options) {
    const headers = { ...options.headers, Authorization: `Bearer ${await this.session.token()}` };
    const signal = AbortSignal.timeout(PATIENCE);
    try {
      return await fetch(url, { ...options, headers, signal, credentials: "omit", cache: "no-store" });
    } catch {
      throw new Away("No answer came.");
    }
  }

  #note(which, said) {
    if (this.away[which] === said) return;
    this.away = { ...this.away, [which]: said };
    this.changed(this.away);
  }
}

// crypto.randomUUID is there on secure origins only; a desk in a local network is none.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
