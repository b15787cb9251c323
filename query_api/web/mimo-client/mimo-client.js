// The client of both APIs: sessions, commands, reads and live updates, for browsers and Node. Its types are in
// mimo-client.d.ts, docs/frontend.md tells how to use it. It must not know any page.

import { Api } from "./api.js";
import { Live } from "./live.js";
import { Names } from "./names.js";
import { Outbox } from "./outbox.js";
import { Channels, Courses, Messages, Moderation, People } from "./resources.js";
import { Session } from "./session.js";
import { quiet, tabStorage } from "./storage.js";

export { Away, Refused } from "./errors.js";
export { pages } from "./lists.js";

const inPage = typeof document !== "undefined";

export class MimoClient {
  // query, commands: origins of the APIs ("": the page's own). ended: called with a sentence when the session is over.
  // awayChanged: called with { query, command }: what is said of an API that does not answer, or null.
  // storage: keeps what is not sent yet over a reload. WebSocketClass: null: only event streams.
  constructor({
    query = "",
    commands = "",
    ended = () => {},
    awayChanged = () => {},
    storage = tabStorage(),
    WebSocketClass = globalThis.WebSocket ?? null,
  } = {}) {
    this.session = new Session(commands, (said) => this.#over(said, ended));
    this.api = new Api(this.session, { query, changed: awayChanged });
    this.people = new People(this.api);
    this.courses = new Courses(this.api);
    this.channels = new Channels(this.api);
    this.messages = new Messages(this.api);
    this.moderation = new Moderation(this.api);
    this.names = new Names(this.people);
    this.outbox = new Outbox({ session: this.session, messages: this.messages, storage: storage && quiet(storage) });
    const anew = () => this.api.bookmarks.forget();
    const origin = query || (inPage ? location.origin : "");
    this.live = new Live({ session: this.session, origin, WebSocketClass, anew });
    this.live.on("state", (state) => state === "open" && this.outbox.wake());
    this.live.on("event", ({ channel_id, seq, data }) => {
      this.outbox.told(channel_id, seq, data?.client_message_id);
    });
  }

  // Makes an account and signs in.
  async register({ email, password, displayName }) {
    const made = await this.api.command("POST", "/v1/users", { email, password, display_name: displayName });
    await this.signIn(email, password);
    return made;
  }

  async signIn(email, password) {
    await this.session.signIn(email, password);
  }

  // Goes on after a reload; says whether somebody is signed in.
  resume() {
    return this.session.resume();
  }

  // Ends the session; everywhere: all of this person's.
  async signOut({ everywhere = false } = {}) {
    this.outbox.forget();
    const ending = this.session.signOut(everywhere);
    this.#forget();
    await ending;
  }

  #over(said, ended) {
    this.#forget();
    ended(said);
  }

  #forget() {
    this.live.stop();
    this.names.forget();
    this.api.bookmarks.forget();
  }
}
