// Who is signed in: gets tokens from the command API and renews them in time. It must not know what they are used for.
//
// Tokens are kept in memory only. When a page is left or reloaded, the refresh token is put into sessionStorage, and
// the page that comes up in the same tab takes it out again at once. So a reload does not sign out, a second tab made
// as a copy does not use the same refresh token (its reuse would end the session), and closing the tab forgets it.

import { Away, Refused, refusal } from "./errors.js";
import { tabStorage } from "./storage.js";

const KEPT = "mimo.refresh_token";
const EARLY = 0.2; // of a token's life: renewed so long before its end
const PATIENCE = 10000; // milliseconds that an answer may take

export class Session {
  #access = null;
  #refresh = null;
  #renewing = null;
  #renewAt = 0;
  #ending = false;
  #storage;

  // ended: called with a sentence when it is over.
  /** @param {string} commands the origin of the command API; "" for the page's own.
   *  @param {(said: string) => void} ended */
  constructor(commands, ended = () => {}) {
    this.commands = commands;
    this.ended = ended;
    this.roles = [];
    this.userId = null;
    this.sessionId = null;
    this.#storage = tabStorage();
    if (!this.#storage) return;
    addEventListener("pagehide", () => this.#leave());
    addEventListener("pageshow", () => this.#take());
  }

  // Milliseconds until the access token should be renewed.
  get renewsIn() {
    return this.#renewAt - performance.now();
  }

  get signedIn() {
    return this.#refresh !== null;
  }

  async signIn(email, password) {
    this.#keep(await this.#ask("token", { username: email, password, grant_type: "password" }));
  }

  // Goes on with the session of the page before, if there was one in this tab. Says whether there is one now.
  async resume() {
    this.#refresh ??= this.#take();
    if (!this.#refresh) return false;
    try {
      await this.renew();
      return true;
    } catch (error) {
      if (error instanceof Away) throw error;
      return false;
    }
  }

  // An access token that is valid for a while.
  async token() {
    if (!this.#refresh) throw nobody();
    if (!this.#access || performance.now() > this.#renewAt) await this.renew();
    return this.#access;
  }

  // Exchanges the refresh token, once for all who ask at the same time.
  renew() {
    this.#renewing ??= this.#exchange().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  // Ends the session, or (everywhere) all of this person's.
  async signOut(everywhere = false) {
    const token = this.#access;
    this.#forget();
    if (!token) return;
    const headers = { Authorization: `Bearer ${token}` };
    const scope = everywhere ? "?scope=global" : "";
    const options = { method: "POST", headers, credentials: "omit", signal: AbortSignal.timeout(PATIENCE) };
    await fetch(`${this.commands}/v1/auth/logout${scope}`, options).catch(() => {});
  }

  // Does what ends the session: that it is over is no news then, whoever notices it first.
  async ending(work) {
    this.#ending = true;
    try {
      return await work();
    } finally {
      this.#ending = false;
    }
  }

  async #exchange() {
    const mine = this.#refresh;
    try {
      const tokens = await this.#ask("refresh", { refresh_token: mine, grant_type: "refresh_token" });
      if (this.#refresh !== mine) throw nobody(); // signed out meanwhile
      this.#keep(tokens);
    } catch (error) {
      if (error instanceof Refused && error.status < 429 && this.#refresh === mine && !this.#ending) {
        this.#forget();
        this.ended("Your session has ended. Sign in again.");
      }
      throw error;
    }
  }

  async #ask(what, form) {
    let answer;
    try {
      const options = { method: "POST", body: new URLSearchParams(form), credentials: "omit" };
      answer = await fetch(`${this.commands}/v1/auth/${what}`, { ...options, signal: AbortSignal.timeout(PATIENCE) });
    } catch {
      throw new Away("The command API does not answer.");
    }
    if (!answer.ok) throw await refusal(answer);
    return answer.json();
  }

  #keep(tokens) {
    this.#access = tokens.access_token;
    this.#refresh = tokens.refresh_token;
    this.#renewAt = performance.now() + tokens.expires_in * 1000 * (1 - EARLY);
    const claims = JSON.parse(atob(tokens.access_token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    this.roles = claims.roles ?? [];
    this.userId = claims.sub;
    this.sessionId = claims.sid ?? null;
  }

  #forget() {
    this.#access = this.#refresh = null;
  }

  #leave() {
    if (this.#refresh) this.#storage.setItem(KEPT, this.#refresh);
  }

  #take() {
    const kept = this.#storage?.getItem(KEPT) ?? null;
    this.#storage?.removeItem(KEPT);
    return kept;
  }
}

function nobody() {
  return new Refused(401, { code: "unauthenticated", detail: "You are not signed in." });
}
