// Messages on their way: sent in order in each channel, kept while there is no network, and never doubled, for each
// carries an id of ours by which the API knows it again. It must not know how they are shown.

import { randomKey } from "./api.js";
import { Away } from "./errors.js";

const KEPT = "mimo.outbox.";
const FIRST_PAUSE = 1000; // milliseconds, doubled each time
const LONGEST_PAUSE = 15000;

export class Outbox {
  #known = new Map(); // seq by channel
  #items = []; // { clientMessageId, channelId, text, replyTo, at, state, error, messageId, seq }
  #running = new Set();
  #observers = new Set();
  #wakers = new Set();
  #owner = null;

  // storage: where what is not sent yet outlives a reload, as sessionStorage; null: nowhere.
  constructor({ session, messages, storage }) {
    this.session = session;
    this.messages = messages;
    this.storage = storage;
    globalThis.addEventListener?.("online", () => this.wake());
  }

  // Calls back at each change; returns how to stop that.
  onChange(observer) {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  // What of a channel is on its way, oldest first. state: waiting, sending, sent (until told), failed (error says why).
  of(channelId) {
    this.#mine();
    return this.#items.filter((item) => item.channelId === channelId);
  }

  // Takes a message; it is sent as soon as possible.
  send(channelId, text, { replyTo = null } = {}) {
    this.#mine();
    const item = { clientMessageId: randomKey(), channelId, text, replyTo, at: new Date().toISOString() };
    this.#items.push({ ...item, state: "waiting", error: null, messageId: null, seq: null });
    this.#changed();
    this.#run(channelId);
    return item.clientMessageId;
  }

  // Tries again what failed.
  retry(clientMessageId) {
    const item = this.#items.find((one) => one.clientMessageId === clientMessageId);
    if (item?.state !== "failed") return;
    this.#set(item, { state: "waiting", error: null });
    this.#run(item.channelId);
  }

  discard(clientMessageId) {
    this.#items = this.#items.filter((one) => one.clientMessageId !== clientMessageId || one.state === "sending");
    this.#changed();
  }

  // Everything of a channel up to this seq is known, and the message that we called so, if any; so nothing of that is
  // on its way any more. A message may be heard before its command is answered.
  told(channelId, seq, clientMessageId = null) {
    this.#known.set(channelId, Math.max(seq, this.#known.get(channelId) ?? 0));
    const arrived = (one) => one.clientMessageId === clientMessageId || (one.seq !== null && one.seq <= seq);
    const left = this.#items.filter((one) => one.channelId !== channelId || !arrived(one));
    if (left.length === this.#items.length) return;
    this.#items = left;
    this.#changed();
  }

  // The network seems to be back.
  wake() {
    this.#mine();
    for (const waker of [...this.#wakers]) waker();
    for (const item of this.#items) this.#run(item.channelId);
  }

  forget() {
    this.#items = [];
    this.#known.clear();
    this.#changed();
    this.#owner = null;
  }

  // What this person had not sent before a reload.
  #mine() {
    const { userId } = this.session;
    if (!userId || this.#owner === userId) return;
    this.#owner = userId;
    this.#items = kept(this.storage?.getItem(KEPT + userId));
    for (const item of this.#items) this.#run(item.channelId);
  }

  async #run(channelId) {
    if (this.#running.has(channelId)) return;
    this.#running.add(channelId);
    let failures = 0;
    for (;;) {
      const item = this.#items.find((one) => one.channelId === channelId && one.state === "waiting");
      if (!item || this.#owner !== this.session.userId || !this.session.signedIn) break;
      const pause = await this.#attempt(item, failures);
      failures = pause ? failures + 1 : 0;
      if (pause) await this.#pause(pause);
    }
    this.#running.delete(channelId);
  }

  // Sends one; says how long to wait before the next attempt (milliseconds), 0 when it is done with.
  async #attempt(item, failures) {
    this.#set(item, { state: "sending" });
    const message = { text: item.text, client_message_id: item.clientMessageId };
    if (item.replyTo) message.reply_to = item.replyTo;
    try {
      const { message_id, seq } = await this.messages.send(item.channelId, message, { tries: 1 });
      this.#set(item, { state: "sent", messageId: message_id, seq });
      if (seq <= (this.#known.get(item.channelId) ?? 0)) this.told(item.channelId, seq);
      return 0;
    } catch (error) {
      const later = error instanceof Away || error.status === 429 || error.status === 401;
      if (later) this.#set(item, { state: "waiting" });
      else this.#set(item, { state: "failed", error: { code: error.code ?? "", detail: error.message } });
      return later ? (error.retryAfter ?? 0) * 1000 || Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures) : 0;
    }
  }

  #pause(milliseconds) {
    return new Promise((go) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        go();
      };
      const timer = setTimeout(wake, milliseconds);
      this.#wakers.add(wake);
    });
  }

  #set(item, state) {
    Object.assign(item, state);
    this.#changed();
  }

  #changed() {
    this.#keep();
    for (const observer of this.#observers) observer();
  }

  #keep() {
    if (!this.storage || !this.#owner) return;
    const unsent = this.#items.filter((item) => item.state !== "sent");
    if (!unsent.length) return this.storage.removeItem(KEPT + this.#owner);
    const kept = unsent.map((item) => (item.state === "sending" ? { ...item, state: "waiting" } : item));
    return this.storage.setItem(KEPT + this.#owner, JSON.stringify(kept));
  }
}

function kept(text) {
  try {
    return JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
}
