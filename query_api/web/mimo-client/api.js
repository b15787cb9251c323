// Asks both APIs in the name of the session: repeats what is safe to repeat, keeps bookmarks, knows which API is away.
// It must not know what is asked for.

import { Bookmarks } from "./bookmarks.js";
import { Away, Refused, refusal } from "./errors.js";

const PATIENCE = 10000; // milliseconds that an answer may take
const TRIES = 3; // of a command; the same key makes it safe
const PAUSE = 500; // milliseconds before it is sent again
const LONGEST_PAUSE = 5000;

export class Api {
  bookmarks = new Bookmarks();

  // query: the origin of the query API. changed: called with { query, command } when an API goes away or comes back.
  constructor(session, { query = "", changed = () => {} } = {}) {
    this.session = session;
    this.query = query;
    this.changed = changed;
    this.away = { query: null, command: null }; // what was said, while it does not answer
  }

  // The JSON at a path of the query API, showing at least what this client has done and seen.
  async read(path, { signal } = {}) {
    const ask = () => this.#asked("query", this.query + path, { headers: this.#marked(), signal });
    try {
      return await content(await ask(), signal);
    } catch (error) {
      if (error.code !== "history_changed") throw error;
      this.bookmarks.forget(); // they were of a log that is no more
      return content(await ask(), signal);
    }
  }

  // Sends a command; if no answer comes, the same again, which does it once only. Returns its JSON.
  async command(method, path, body, { key = randomKey(), tries = TRIES } = {}) {
    const headers = { "Idempotency-Key": key };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const options = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
    for (let left = tries - 1; ; left--) {
      try {
        return await content(await this.#asked("command", this.session.commands + path, options));
      } catch (error) {
        if (!(error instanceof Away) || left <= 0) throw error;
        const pause = Math.min(LONGEST_PAUSE, (error.retryAfter ?? 0) * 1000 || PAUSE * (tries - left));
        await new Promise((again) => setTimeout(again, pause));
      }
    }
  }

  // Headers for something that is asked beside, such as a stream.
  async authorized() {
    return { Authorization: `Bearer ${await this.session.token()}` };
  }

  #marked() {
    const bookmark = this.bookmarks.text();
    return bookmark ? { "Mimo-Bookmark": bookmark } : {};
  }

  async #asked(which, url, options) {
    try {
      let answer = await this.#fetched(url, options);
      if (answer.status === 401 && this.session.signedIn) {
        await this.session.renew();
        answer = await this.#fetched(url, options);
      }
      if (!answer.ok) throw await refusal(answer);
      this.bookmarks.note(answer.headers.get("Mimo-Bookmark"));
      this.#note(which, null);
      return answer;
    } catch (error) {
      if (options.signal?.aborted) throw error;
      this.#note(which, error instanceof Refused || error.code === "not_caught_up" ? null : error.message);
      throw error;
    }
  }

  async #fetched(url, { signal, ...options }) {
    const headers = { ...options.headers };
    if (this.session.signedIn) Object.assign(headers, await this.authorized()); // else what everybody may see
    const patience = AbortSignal.timeout(PATIENCE);
    const until = signal ? AbortSignal.any([signal, patience]) : patience;
    try {
      return await fetch(url, { ...options, headers, signal: until, credentials: "omit", cache: "no-store" });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Away("No answer came.");
    }
  }

  #note(which, said) {
    if (this.away[which] === said) return;
    this.away = { ...this.away, [which]: said };
    this.changed(this.away);
  }
}

// The JSON of an answer, which may break off.
async function content(answer, signal) {
  try {
    return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Away("The answer broke off.");
  }
}

// crypto.randomUUID is there on secure origins only; a page in a local network is none.
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
