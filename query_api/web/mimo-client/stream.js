// The event stream /v1/live/events in the place of a WebSocket, where those do not get through: the same frames, read
// by fetch. It must not know what is told over it, nor when to try again.

import { LOST } from "./socket.js";

const SILENCE = 50000; // milliseconds
const MOST = 20; // channels of one stream
const GATHERING = 50; // milliseconds in which wishes to listen become one question
const NOTHING_LEFT = 1000;

export class Stream {
  #wanted = new Map(); // after_seq by channel, the latest wish first
  #asking = null; // of the running fetch
  #timer = null;
  #watchdog = null;
  #over = false;
  ready = false;

  // told: gets each frame. closed: called once with a code as sockets have it.
  constructor({ url, token, told, closed }) {
    Object.assign(this, { url, token, told, closed });
    this.#timer = setTimeout(() => this.#begin(), 0);
  }

  say() {} // a stream hears nothing

  listen(channelId, afterSeq) {
    if (afterSeq === undefined) this.#wanted.delete(channelId);
    else this.#wanted.set(channelId, afterSeq);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), GATHERING);
  }

  close() {
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#asking?.abort();
  }

  #begin() {
    this.told({ type: "ready" });
  }

  async #ask() {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const channels = [...this.#wanted].reverse().slice(0, MOST);
    if (!channels.length || this.#over) return;
    const marks = new URLSearchParams(channels.map(([channel, seq]) => ["channel", `${channel}:${seq}`]));
    const headers = { Authorization: `Bearer ${this.token}`, Accept: "text/event-stream" };
    try {
      const options = { headers, signal: asking.signal, credentials: "omit", cache: "no-store" };
      const answer = await fetch(`${this.url}?${marks}`, options);
      if (answer.status === 401) return this.#end(3501);
      if (!answer.ok) return this.#end(LOST);
      this.ready = true;
      await this.#read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      // It is over, or another question has taken its place.
    }
    if (this.#asking === asking) this.#end(LOST);
  }

  async #read(reader) {
    let text = "";
    for (;;) {
      this.#watch();
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop();
      for (const block of blocks) this.#heard(block);
    }
  }

  #heard(block) {
    const data = block.split("\n").filter((line) => line.startsWith("data: "));
    if (!data.length || this.#over) return;
    const frame = JSON.parse(data.map((line) => line.slice(6)).join("\n"));
    if (frame.type === "event") this.#wanted.set(frame.channel_id, frame.seq);
    if (frame.type !== "closed") this.told(frame);
    else if (frame.code !== NOTHING_LEFT) this.#end(frame.code);
    else this.#asking = null; // nobody to listen to; the next wish asks again
  }

  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#end(LOST), SILENCE);
  }

  #end(code) {
    if (this.#over) return;
    this.close();
    this.closed(code);
  }
}
