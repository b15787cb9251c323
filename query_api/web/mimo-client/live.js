// What happens in channels, as it happens: every event once and in order for each who listens, whatever the connection
// does meanwhile. It must not know what events mean, nor how they come.

import { Line } from "./line.js";

const TYPING_PAUSE = 2500; // milliseconds; more is ignored
const AGAIN = 2000; // milliseconds until what did not work is tried again

export class Live {
  #line;
  #channels = new Map(); // by id: { listeners, presence, here, count, asked }
  #observers = { state: new Set(), yours: new Set(), event: new Set() };
  #typed = new Map();

  constructor({ session, origin, WebSocketClass, anew }) {
    this.#line = new Line({
      session,
      origin,
      WebSocketClass,
      told: (frame) => this.#told(frame),
      opened: () => this.#opened(),
      changed: (state) => this.#changed(state),
      anew: () => this.#anew(anew),
    });
  }

  // off, connecting, open, waiting (to try again) or offline.
  get state() {
    return this.#line.state;
  }

  // Calls back at "state" (the state), "yours" (the frame) or "event" (each, once); returns how to stop that.
  on(what, observer) {
    this.#observers[what].add(observer);
    return () => this.#observers[what].delete(observer);
  }

  start() {
    this.#line.start();
  }

  stop() {
    this.#line.stop();
    this.#channels.clear();
  }

  // Listens to a channel. listener: { afterSeq, presence?, event(frame), reset?(lastSeq), ended?(reason),
  // refused?(problem), typing?(userId), here?({ here, count }|null) }. reset answers, perhaps later, the seq to go on
  // after: too much was missed to be told, read anew. Returns { seq, close() }.
  subscribe(channelId, listener) {
    let channel = this.#channels.get(channelId);
    if (!channel) {
      channel = { listeners: new Set(), here: null, count: 0, asked: null };
      this.#channels.set(channelId, channel);
    }
    const subscription = { seq: listener.afterSeq, listener, close: () => this.#leave(channelId, subscription) };
    channel.listeners.add(subscription);
    const enough = channel.asked && channel.asked.seq <= subscription.seq;
    if (!enough || (listener.presence && !channel.asked.presence)) this.#ask(channelId, channel);
    else if (listener.presence && channel.here) listener.here?.({ here: [...channel.here], count: channel.count });
    this.start();
    return subscription;
  }

  // Tells the others in a channel that one is writing; call it with every key.
  typing(channelId) {
    const now = performance.now();
    if (now - (this.#typed.get(channelId) ?? -TYPING_PAUSE) < TYPING_PAUSE) return;
    this.#typed.set(channelId, now);
    this.#line.say({ type: "typing", channel_id: channelId });
  }

  #leave(channelId, subscription) {
    const channel = this.#channels.get(channelId);
    if (!channel?.listeners.delete(subscription)) return;
    if (!channel.listeners.size) {
      this.#channels.delete(channelId);
      this.#line.listen(channelId);
    } else if (channel.asked?.presence && !wantsPresence(channel)) this.#ask(channelId, channel);
  }

  #ask(channelId, channel) {
    const seq = Math.min(...[...channel.listeners].map((one) => one.seq));
    channel.asked = this.#line.state === "open" ? { seq, presence: wantsPresence(channel) } : null;
    this.#line.listen(channelId, seq, wantsPresence(channel));
  }

  #opened() {
    for (const [channelId, channel] of this.#channels) this.#ask(channelId, channel);
  }

  #changed(state) {
    if (state !== "open")
      for (const channel of this.#channels.values()) {
        channel.asked = null;
        if (channel.here === null) continue;
        channel.here = null;
        this.#tell(channel, "here", null);
      }
    for (const observer of this.#observers.state) guarded(observer, state);
  }

  #told(frame) {
    if (frame.type === "yours") for (const observer of this.#observers.yours) guarded(observer, frame);
    const channel = this.#channels.get(frame.channel_id);
    if (!channel) return;
    if (frame.type === "event") this.#event(frame, channel);
    else if (frame.type === "reset") this.#reset(frame, channel);
    else if (frame.type === "ended") this.#ended(frame, channel);
    else if (frame.type === "refused") this.#refused(frame, channel);
    else if (frame.type === "typing") this.#tell(channel, "typing", frame.user_id);
    else if (frame.type === "presence") this.#presence(frame, channel);
  }

  #event(frame, channel) {
    if (channel.asked) channel.asked.seq = Math.max(channel.asked.seq, frame.seq);
    let missing = false;
    let news = false;
    for (const one of [...channel.listeners]) {
      if (frame.seq === one.seq + 1) {
        one.seq = frame.seq;
        news = true;
        guarded(one.listener.event, frame);
      } else if (frame.seq > one.seq) missing = true;
    }
    if (news) for (const observer of this.#observers.event) guarded(observer, frame);
    if (missing) this.#ask(frame.channel_id, channel);
  }

  async #reset({ channel_id, last_seq }, channel) {
    channel.asked = null;
    const read = async (one) => {
      const seq = one.listener.reset ? await one.listener.reset(last_seq) : last_seq;
      one.seq = seq ?? last_seq;
    };
    try {
      await Promise.all([...channel.listeners].map(read));
    } catch {
      await new Promise((later) => setTimeout(later, AGAIN));
    }
    if (this.#channels.get(channel_id) === channel && channel.asked === null) this.#ask(channel_id, channel);
  }

  #ended({ channel_id, reason }, channel) {
    if (reason === "unsubscribed") return; // asked for; the next wish may be under way
    this.#channels.delete(channel_id);
    this.#tell(channel, "ended", reason);
  }

  #refused({ channel_id, code, detail }, channel) {
    if (code === "overloaded") {
      setTimeout(() => this.#channels.get(channel_id) === channel && this.#ask(channel_id, channel), AGAIN);
      return;
    }
    this.#channels.delete(channel_id);
    this.#tell(channel, "refused", { code, detail });
  }

  #presence({ here, came = [], went = [], count }, channel) {
    if (here) channel.here = new Set(here);
    for (const one of came) channel.here?.add(one);
    for (const one of went) channel.here?.delete(one);
    channel.count = count;
    this.#tell(channel, "here", { here: channel.here && count <= 200 ? [...channel.here] : null, count });
  }

  #tell(channel, what, content) {
    for (const { listener } of [...channel.listeners]) if (listener[what]) guarded(listener[what], content);
  }

  // Every seq is of a log that is no more.
  #anew(anew) {
    anew();
    for (const [channelId, channel] of this.#channels) this.#reset({ channel_id: channelId, last_seq: 0 }, channel);
  }
}

const wantsPresence = (channel) => [...channel.listeners].some(({ listener }) => listener.presence);

// What one listener does wrong is not the others' harm.
function guarded(doing, content) {
  try {
    doing(content);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}
