// The channels that one is in, with what is unread in each, kept live over all devices. It must not know how they are
// shown.

const GATHERING = 150; // milliseconds in which reasons to read again become one
const AGAIN = 3000; // milliseconds, while an API is away
const READ_PAUSE = 400; // milliseconds until what was read is told
const REMEMBERED = 200; // events of a channel, for answers that are older than they

export class Rooms {
  items = []; // Room as GET /v1/me/channels has it, in its order
  total = 0; // unread messages in all of them
  ready = false;
  changed = () => {}; // called after each change; others may listen with onChange
  #observers = new Set();
  #listening = new Map(); // by channel: { subscription, recent }
  #stops = [];
  #timer = null;
  #reading = new Map(); // by channel: { number, timer }
  #over = false;
  #turn = 0;
  #anew = null;

  constructor(client) {
    this.client = client;
  }

  // Calls back at each change; returns how to stop that.
  onChange(observer) {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  start() {
    this.#stops.push(this.client.live.on("yours", (frame) => this.#yours(frame)));
    return this.again();
  }

  stop() {
    this.#over = true;
    this.#turn += 1;
    clearTimeout(this.#timer);
    for (const stop of this.#stops.splice(0)) stop();
    for (const { subscription } of this.#listening.values()) subscription.close();
    for (const { timer } of this.#reading.values()) clearTimeout(timer);
    this.#listening.clear();
  }

  get(channelId) {
    return this.items.find((one) => one.channel_id === channelId);
  }

  // Reads all of them anew.
  async again() {
    clearTimeout(this.#timer);
    if (this.#over) return;
    const turn = ++this.#turn;
    try {
      const { items } = await this.client.channels.mine();
      if (turn !== this.#turn) return;
      this.#take(items);
    } catch (error) {
      if (turn === this.#turn && error.name === "Away") this.#soon(AGAIN);
    }
  }

  // What was read, up to the message with this number; told a moment later, and to one's other devices.
  read(channelId, number) {
    const room = this.get(channelId);
    if (!room || number <= room.read_number) return;
    this.#change(channelId, { read_number: number });
    clearTimeout(this.#reading.get(channelId)?.timer);
    this.#reading.set(channelId, { number, timer: setTimeout(() => this.#mark(channelId), READ_PAUSE) });
  }

  async #mark(channelId) {
    const { number } = this.#reading.get(channelId);
    try {
      await this.client.channels.markRead(channelId, number);
    } catch (error) {
      if (error.name !== "Away" || this.#over) return;
      const waiting = this.#reading.get(channelId);
      if (waiting.number === number) waiting.timer = setTimeout(() => this.#mark(channelId), AGAIN);
    }
  }

  #soon(milliseconds = GATHERING) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.again(), milliseconds);
  }

  #yours({ event, data }) {
    if (event === "ChannelRead" && data && this.get(data.channel_id)) {
      const { read_number } = this.get(data.channel_id);
      this.#change(data.channel_id, { read_number: Math.max(read_number, data.number) });
    } else this.#soon();
  }

  #take(items) {
    const gone = new Set(this.#listening.keys());
    this.items = items.map((item) => {
      gone.delete(item.channel_id);
      const { read_number = 0 } = this.get(item.channel_id) ?? {};
      const counts = item.message_count - item.unread; // one's own last message counts as read
      const room = counted({ ...item, read_number: Math.max(item.read_number, counts, read_number) });
      const recent = this.#listening.get(item.channel_id)?.recent ?? [];
      return recent.reduce((known, frame) => this.#after(known, frame), room);
    });
    for (const channelId of gone) this.#leave(channelId);
    for (const item of items) this.#listen(item);
    this.ready = true;
    this.#told();
  }

  #listen({ channel_id: channelId, last_seq: afterSeq }) {
    if (this.#listening.has(channelId)) return;
    const place = { recent: [] };
    this.#listening.set(channelId, place);
    place.subscription = this.client.live.subscribe(channelId, {
      afterSeq,
      event: (frame) => this.#happened(frame),
      reset: async () => {
        place.recent = [];
        this.#anew ??= this.again().finally(() => (this.#anew = null)); // many at once are one question
        await this.#anew;
        return this.get(channelId)?.last_seq;
      },
      ended: () => this.#ended(channelId),
      refused: () => this.#ended(channelId, AGAIN), // the view does not know yet what the log knows
    });
  }

  #leave(channelId) {
    this.#listening.get(channelId)?.subscription.close();
    this.#listening.delete(channelId);
  }

  #ended(channelId, pause) {
    this.#listening.delete(channelId);
    this.#soon(pause);
  }

  #happened(frame) {
    const { recent } = this.#listening.get(frame.channel_id) ?? { recent: [] };
    recent.push(frame);
    if (recent.length > REMEMBERED) recent.shift();
    const room = this.get(frame.channel_id);
    if (room) this.#change(frame.channel_id, this.#after(room, frame));
  }

  // A room after an event that it has not seen yet.
  #after(room, { seq, event, data }) {
    if (seq <= room.last_seq) return room;
    const next = { ...room, last_seq: seq };
    if (event === "ChannelRenamed") next.name = data.name;
    if (event !== "MessageSent" || !data) return next;
    next.message_count += 1;
    const own = this.client.session.userId;
    if (data.author_id === own) next.read_number = next.message_count;
    else if (data.mentions?.includes(own)) next.unread_mentions += 1;
    return counted(next);
  }

  #change(channelId, change) {
    this.items = this.items.map((one) => (one.channel_id === channelId ? counted({ ...one, ...change }) : one));
    this.#told();
  }

  #told() {
    this.total = this.items.reduce((sum, room) => sum + room.unread, 0);
    this.changed();
    for (const observer of this.#observers) observer();
  }
}

function counted(room) {
  const unread = Math.max(0, room.message_count - room.read_number);
  return { ...room, unread, unread_mentions: unread ? room.unread_mentions : 0 };
}
