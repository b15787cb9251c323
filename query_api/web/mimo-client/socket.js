// One WebSocket to /v1/live, from its opening to its end. It must not know what is told over it, nor when to try again.

const SUBPROTOCOL = "mimo.v1";
const SILENCE = 50000; // milliseconds: the server says something twice as often
const OPENING = 10000; // milliseconds until it must be ready
export const LOST = 1006;

export class Socket {
  #socket;
  #watchdog = null;
  #over = false;
  ready = false;

  // told: gets each frame. closed: called once with the close code.
  constructor({ url, token, told, closed, WebSocketClass }) {
    this.#closed = closed;
    this.#socket = new WebSocketClass(url, [SUBPROTOCOL]);
    this.#socket.onopen = () => this.say({ type: "auth", token });
    this.#socket.onmessage = ({ data }) => this.#heard(JSON.parse(data), told);
    this.#socket.onclose = ({ code }) => this.#end(code || LOST);
    this.#socket.onerror = () => {}; // a close follows
    this.#watch(OPENING);
  }

  #closed;

  say(frame) {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  // The wish to listen to a channel, or (after_seq undefined) not to any more.
  listen(channelId, afterSeq, presence) {
    if (afterSeq === undefined) this.say({ type: "unsubscribe", channel_id: channelId });
    else if (presence) this.say({ type: "subscribe", channel_id: channelId, after_seq: afterSeq, presence: true });
    else this.say({ type: "subscribe", channel_id: channelId, after_seq: afterSeq });
  }

  close() {
    this.#over = true;
    clearTimeout(this.#watchdog);
    this.#socket.close(1000);
  }

  #heard(frame, told) {
    if (this.#over) return;
    this.#watch(SILENCE);
    this.ready ||= frame.type === "ready";
    if (frame.type !== "ping") told(frame);
  }

  #watch(milliseconds) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#end(LOST);
      this.#socket.close();
    }, milliseconds);
  }

  #end(code) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#watchdog);
    this.#closed(code);
  }
}
