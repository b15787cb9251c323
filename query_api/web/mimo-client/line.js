// Keeps one connection to live updates up: tries again, later each time, renews tokens, and takes the event stream
// where WebSockets do not get through. It must not know what is told.

import { Refused } from "./errors.js";
import { Socket } from "./socket.js";
import { Stream } from "./stream.js";

const FIRST_PAUSE = 300; // milliseconds, doubled each time
const LONGEST_PAUSE = 15000;
const LONG_PAUSE = 60000; // where trying again soon cannot help
const PROVEN = 10000; // a connection that lasted so long begins the pauses anew
const ENOUGH = 2; // sockets that never got ready, before the stream is tried
const HISTORY_CHANGED = 3003;
const ASK_FOR_TOKEN = new Set([3002, 3501, 3502]);
const HOPELESS = new Set([3500, 3503]);

export class Line {
  /** @type {"off" | "connecting" | "open" | "waiting" | "offline"} */
  state = "off";
  #transport = null;
  #timer = null;
  #renewal = null;
  #failures = 0;
  #missed = 0;
  #openedAt = 0;
  #attempt = 0;
  #network = [];

  // session: of whom. origin: of the query API. WebSocketClass: null: there are none. told: gets frames.
  // opened, changed (the state), anew (the log is of another history): called when it is so.
  constructor({ session, origin, WebSocketClass, told, opened, changed, anew }) {
    Object.assign(this, { session, WebSocketClass, told, opened, changed, anew });
    this.socketUrl = `${origin.replace(/^http/, "ws")}/v1/live`;
    this.streamUrl = `${origin}/v1/live/events`;
  }

  start() {
    if (this.state !== "off") return;
    this.#heed("online", () => this.#connect());
    this.#heed("offline", () => this.#drop("offline"));
    this.#heed("visibilitychange", () => document.hidden || this.#connect(), globalThis.document);
    this.#connect();
  }

  stop() {
    for (const forget of this.#network.splice(0)) forget();
    clearTimeout(this.#timer);
    this.#drop("off");
  }

  say(frame) {
    if (this.state === "open") this.#transport.say(frame);
  }

  listen(...wish) {
    if (this.state === "open") this.#transport.listen(...wish);
  }

  #heed(event, doing, target = globalThis) {
    if (!target?.addEventListener) return;
    target.addEventListener(event, doing);
    this.#network.push(() => target.removeEventListener(event, doing));
  }

  async #connect() {
    if (this.#transport || this.state === "connecting") return;
    clearTimeout(this.#timer);
    const attempt = ++this.#attempt;
    this.#become("connecting");
    let token;
    try {
      token = await this.session.token();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      if (error instanceof Refused && error.status === 401) return this.stop();
      return this.#later();
    }
    if (attempt === this.#attempt) this.#open(token);
  }

  #open(token) {
    const streaming = !this.WebSocketClass || this.#missed >= ENOUGH;
    const Kind = streaming ? Stream : Socket;
    const transport = new Kind({
      url: streaming ? this.streamUrl : this.socketUrl,
      token,
      WebSocketClass: this.WebSocketClass,
      told: (frame) => this.#transport === transport && this.#heard(frame),
      closed: (code) => this.#transport === transport && this.#lost(code, streaming),
    });
    this.#transport = transport;
  }

  #heard(frame) {
    if (frame.type !== "ready") return this.told(frame);
    this.#renewLater();
    if (this.state === "open") return undefined; // the answer to a renewal
    this.#openedAt = performance.now();
    this.#become("open");
    return this.opened();
  }

  async #lost(code, streaming) {
    const { ready } = this.#transport;
    if (this.state === "open" && performance.now() - this.#openedAt > PROVEN) this.#failures = 0;
    if (!streaming) this.#missed = ready ? 0 : this.#missed + 1;
    else this.#missed = ready ? ENOUGH - 1 : 0; // one socket is tried in between
    this.#end();
    if (code === HISTORY_CHANGED) this.anew();
    if (ASK_FOR_TOKEN.has(code)) {
      const attempt = this.#attempt;
      const over = await this.session.renew().then(() => false, (error) => error instanceof Refused); // prettier-ignore
      if (attempt !== this.#attempt) return;
      if (over) return this.stop();
    }
    this.#later(HOPELESS.has(code) ? LONG_PAUSE : 0);
  }

  #later(least = 0) {
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** this.#failures++) * (0.5 + Math.random() / 2);
    this.#become(globalThis.navigator?.onLine === false ? "offline" : "waiting");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), Math.max(least, pause));
  }

  // Ends what there is, without trying again by itself soon.
  #drop(state) {
    this.#attempt += 1;
    this.#transport?.close();
    this.#end();
    this.#become(state);
    clearTimeout(this.#timer);
    if (state !== "offline") return;
    this.#timer = setTimeout(() => this.#connect(), LONGEST_PAUSE); // what browsers say of it may be wrong
  }

  #end() {
    clearTimeout(this.#renewal);
    this.#transport = null;
  }

  #renewLater() {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(async () => {
      const transport = this.#transport;
      const token = await this.session.token().catch(() => null);
      if (token && transport === this.#transport) transport?.say({ type: "auth", token });
    }, Math.max(1000, this.session.renewsIn + 50)); // prettier-ignore
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.changed(state);
  }
}
