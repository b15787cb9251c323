// The messages of one channel that are looked at, kept true by what happens live: a stretch without gaps, which grows
// at both ends. It must not know how messages look, nor what is looked at of them.
//
// Answers and events meet by seq: each message says up to which event it was read (asOf), and later events are applied
// to it once, also those that came before the answer did.

import { changed, messageOf, subjectOf } from "./timeline_events.js";

const PAGE = 50;
const MOST_ASKED = 200;
const SEEN_BEFORE = 20; // messages that are shown above those that are new
const STRIDE = 100; // seqs that are asked for at a time towards the newest
const AGAIN = 2000; // milliseconds, while an API is away
const MOST = 600; // messages that are kept while one is at the end
const REMEMBERED = 1000; // events, for answers that are older than they

export class Timeline {
  items = []; // oldest first
  hasOlder = false;
  atEnd = true; // whether the newest message is among the items
  newer = 0; // messages that came since and are not among them
  error = null;
  ready = false;
  ended = null; // why nothing more is told
  count = 0; // the number of the channel's last message
  here = null; // { here, count }: who is listening; null: not known
  typing = new Map(); // until when, by person
  #recent = [];
  #base = 0; // the seq up to which count is right
  #upTo = 0; // every message up to this seq and from the first item on is among the items
  #subscription = null;
  #over = false;
  #busy = false;

  // changed: called after each change.
  constructor(client, channelId, own, changed) {
    Object.assign(this, { client, channelId, own });
    this.tell = () => this.#over || changed();
  }

  async start(unread = 0) {
    try {
      await this.newest(unread);
    } catch (error) {
      this.#set({ error });
      if (error.name === "Away" && !this.#over) setTimeout(() => this.#over || this.start(unread), AGAIN);
      return;
    }
    if (this.#over || this.#subscription) return;
    this.#subscription = this.client.live.subscribe(this.channelId, {
      afterSeq: this.#upTo,
      presence: true,
      event: (frame) => this.#happened(frame),
      reset: () => this.#reset(),
      ended: (reason) => this.#stopped(reason),
      refused: ({ code }) => this.#stopped(code),
      here: (here) => this.#set({ here }),
      typing: (userId) => this.#types(userId),
    });
  }

  // Begins anew where it was refused or ended; one may be a member by now.
  async retry() {
    if (!this.ended && !(this.error && !this.ready)) return;
    this.ended = null;
    this.#recent = [];
    await this.start();
  }

  stop() {
    this.#over = true;
    this.#subscription?.close();
  }

  // Shows the newest messages, whatever was shown before. Throws what refuses them. unread: how many one has not seen.
  async newest(unread = 0) {
    const limit = Math.min(MOST_ASKED, Math.max(PAGE, unread + SEEN_BEFORE));
    const { items, next_cursor, last_seq } = await this.client.messages.list(this.channelId, { limit });
    this.count = items[0]?.number ?? 0;
    this.#base = last_seq;
    this.#replace(items, next_cursor !== null, last_seq);
    Object.assign(this, { atEnd: true, newer: 0, ready: true, error: null });
    for (const frame of this.#recent) if (frame.seq > last_seq) this.#sent(frame);
    this.tell();
  }

  // Shows the messages around one. Throws what refuses them.
  async around(messageId) {
    if (this.find(messageId)) return;
    const message = await this.client.messages.get(this.channelId, messageId);
    const before = await this.client.messages.list(this.channelId, { before_seq: message.seq + 1, limit: PAGE });
    this.#replace(before.items, before.next_cursor !== null, Math.min(message.seq, before.last_seq), before.last_seq);
    this.#set({ atEnd: false });
    await this.later();
  }

  // Gets older ones, once at a time.
  async older() {
    if (!this.hasOlder) return;
    await this.#once(async () => {
      const asked = { before_seq: this.items[0].seq, limit: PAGE };
      const { items, next_cursor, last_seq } = await this.client.messages.list(this.channelId, asked);
      this.items = [...this.#taken(items, last_seq), ...this.items];
      this.hasOlder = next_cursor !== null;
    });
  }

  // Gets newer ones, until the newest are reached; once at a time.
  async later() {
    if (this.atEnd) return;
    await this.#once(async () => {
      for (let found = 0; !this.atEnd && found === 0 && !this.#over;) {
        const asked = { after_seq: this.#upTo, before_seq: this.#upTo + STRIDE + 1, limit: STRIDE };
        const { items, last_seq } = await this.client.messages.list(this.channelId, asked);
        found = items.length;
        this.items = [...this.items, ...this.#taken(items, last_seq)];
        this.#upTo = Math.min(this.#upTo + STRIDE, last_seq);
        if (this.#upTo < last_seq) continue;
        this.atEnd = true;
        this.newer = 0;
        for (const frame of this.#recent) if (frame.seq > last_seq) this.#append(frame);
      }
    });
  }

  // Lets go of the oldest, which can be got again; for whoever is at the end and stays there.
  trim() {
    if (this.items.length <= MOST || !this.atEnd) return;
    this.items = this.items.slice(-MOST / 2);
    this.hasOlder = true;
    this.tell();
  }

  find(messageId) {
    return this.items.find((one) => one.message_id === messageId);
  }

  // Whoever writes now, without oneself.
  typists() {
    const now = performance.now();
    return [...this.typing].filter(([, until]) => until > now).map(([userId]) => userId);
  }

  async #once(doing) {
    if (this.#busy) return;
    this.#busy = true;
    try {
      await doing();
      this.error = null;
    } catch (error) {
      this.error = error;
      await new Promise((later) => setTimeout(later, AGAIN)); // whoever still looks there asks again
    } finally {
      this.#busy = false;
      this.tell();
    }
  }

  #replace(items, hasOlder, upTo, asOf = upTo) {
    this.items = this.#taken(items, asOf);
    this.hasOlder = hasOlder;
    this.#upTo = upTo;
    this.client.outbox.told(this.channelId, upTo);
  }

  // An answer's messages, oldest first, with what happened to them since.
  #taken(items, asOf) {
    const { names } = this.client;
    return items.reverse().map((read) => {
      names.learn(read.author_id, read.author_name);
      for (const { user_id, display_name } of read.mentions ?? []) names.learn(user_id, display_name);
      const whole = { thread_id: null, reply_count: 0, reactions: [], mentions: [], ...read, asOf };
      return this.#recent.reduce(
        (message, frame) => (subjectOf(frame) === message.message_id ? changed(message, frame, this.own) : message),
        whole,
      );
    });
  }

  #happened(frame) {
    this.#recent.push(frame);
    if (this.#recent.length > REMEMBERED) this.#recent.shift();
    const subject = subjectOf(frame);
    if (subject) {
      const apply = (one) => (one.message_id === subject ? changed(one, frame, this.own) : one);
      this.items = this.items.map(apply);
    }
    this.#sent(frame);
    this.tell();
  }

  #sent(frame) {
    if (frame.event !== "MessageSent" || !frame.data) {
      if (this.atEnd) this.#upTo = Math.max(this.#upTo, frame.seq);
      return;
    }
    this.typing.delete(frame.data.author_id);
    if (frame.seq > this.#base) {
      this.count += 1;
      this.#base = frame.seq;
    }
    if (this.atEnd) this.#append(frame);
    else this.newer += 1;
  }

  #append(frame) {
    if (frame.event !== "MessageSent" || !frame.data || frame.seq <= this.#upTo) return;
    const counted = (one) => one.event === "MessageSent" && one.data && one.seq > frame.seq && one.seq <= this.#base;
    const number = this.count - this.#recent.filter(counted).length;
    this.#upTo = frame.seq;
    const fresh = this.#recent.reduce(
      (message, one) => (subjectOf(one) === message.message_id ? changed(message, one, this.own) : message),
      messageOf(frame, number),
    );
    this.items = [...this.items, fresh];
  }

  #types(userId) {
    if (userId === this.own) return;
    this.typing.set(userId, performance.now() + 6000);
    setTimeout(() => this.tell(), 6050);
    this.tell();
  }

  async #reset() {
    this.#recent = [];
    await this.newest();
    return this.#upTo;
  }

  #stopped(reason) {
    this.#subscription = null;
    this.#set({ ended: reason, here: null });
  }

  #set(state) {
    Object.assign(this, state);
    this.tell();
  }
}
