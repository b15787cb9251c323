// The replies to one message, kept true by what happens live. It must not know how they look.

import { changed, messageOf, subjectOf } from "./timeline_events.js";

const PAGE = 50;

export class Thread {
  root = null;
  items = []; // replies, oldest first
  hasOlder = false;
  error = null;
  ready = false;
  #subscription = null;
  #over = false;
  #cursor = null;

  constructor(client, channelId, rootId, own, told) {
    Object.assign(this, { client, channelId, rootId, own });
    this.tell = () => this.#over || told();
  }

  async start() {
    try {
      const afterSeq = await this.#load();
      if (this.#over || this.#subscription) return;
      const event = (frame) => this.#happened(frame);
      this.#subscription = this.client.live.subscribe(this.channelId, { afterSeq, event, reset: () => this.#load() });
    } catch (error) {
      this.error = error;
      this.tell();
    }
  }

  stop() {
    this.#over = true;
    this.#subscription?.close();
  }

  async older() {
    try {
      const { items, next_cursor, last_seq } = await this.#page(this.#cursor);
      this.items = [...this.#taken(items, last_seq), ...this.items];
      this.#cursor = next_cursor;
      this.hasOlder = next_cursor !== null;
    } catch (error) {
      this.error = error;
    }
    this.tell();
  }

  // Reads the newest replies; answers the seq to go on after.
  async #load() {
    const { items, next_cursor, last_seq } = await this.#page();
    this.root = { ...(await this.client.messages.get(this.channelId, this.rootId)), asOf: last_seq };
    this.items = this.#taken(items, last_seq);
    this.#cursor = next_cursor;
    Object.assign(this, { hasOlder: next_cursor !== null, ready: true, error: null });
    this.tell();
    return last_seq;
  }

  // How many replies there are; all of them are here, or the message says it.
  get count() {
    return this.hasOlder ? this.root.reply_count : this.items.length;
  }

  #page(cursor = null) {
    return this.client.messages.list(this.channelId, { thread: this.rootId, limit: PAGE, cursor });
  }

  #taken(items, asOf) {
    for (const { author_id, author_name } of items) this.client.names.learn(author_id, author_name);
    return items.reverse().map((item) => ({ ...item, asOf }));
  }

  #happened(frame) {
    const subject = subjectOf(frame);
    if (!subject) return;
    if (subject === this.rootId) this.root = changed(this.root, frame, this.own);
    this.items = this.items.map((one) => (one.message_id === subject ? changed(one, frame, this.own) : one));
    if (frame.event === "MessageSent") {
      if (subject !== this.rootId || this.items.some((one) => one.message_id === frame.id)) return;
      this.items = [...this.items, messageOf(frame, 0)];
    }
    this.tell();
  }
}
