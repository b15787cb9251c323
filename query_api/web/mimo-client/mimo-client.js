// The client of both APIs: sessions, commands, reads and live updates, for browsers and Node. Its types are in
// mimo-client.d.ts, docs/frontend.md tells how to use it. It must not know any page.

import { Api } from "./api.js";
import { Channels, Courses, Messages, Moderation, People } from "./resources.js";
import { Session } from "./session.js";

export { Away, Refused } from "./errors.js";
export { pages } from "./lists.js";

export class MimoClient {
  // query, commands: origins of the APIs ("": the page's own). ended: called with a sentence when the session is over.
  // awayChanged: called with { query, command }: what is said of an API that does not answer, or null.
  constructor({ query = "", commands = "", ended = () => {}, awayChanged = () => {} } = {}) {
    this.session = new Session(commands, (said) => this.#over(said, ended));
    this.api = new Api(this.session, { query, changed: awayChanged });
    this.people = new People(this.api);
    this.courses = new Courses(this.api);
    this.channels = new Channels(this.api);
    this.messages = new Messages(this.api);
    this.moderation = new Moderation(this.api);
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
    const ending = this.session.signOut(everywhere);
    this.#forget();
    await ending;
  }

  #over(said, ended) {
    this.#forget();
    ended(said);
  }

  #forget() {
    this.api.bookmarks.forget();
  }
}
