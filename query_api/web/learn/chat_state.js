// What a conversation listens to: its timeline, the names in it, what is on its way, the connection, and whether
// anybody looks. It must not know how any of that is shown.

import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { named } from "./chat_words.js";
import { plain } from "./markdown.js";
import { Timeline } from "./timeline.js";

const UNSTEADY = 1500; // milliseconds until a broken connection is worth a word
const CALM = 3000; // milliseconds between two announcements

const useTick = () => {
  const [count, setCount] = useState(0);
  return [count, useRef(() => setCount((n) => n + 1)).current];
};

// room: if it is one of one's channels. Returns [timeline, version].
export function useTimeline(client, channelId, me, room) {
  const known = room !== undefined;
  const [version, changed] = useTick();
  const timeline = useMemo(() => new Timeline(client, channelId, me.user_id, changed), [client, channelId]);
  useEffect(() => {
    timeline.start(room?.unread);
    return () => timeline.stop();
  }, [timeline]);
  useEffect(() => void (known && timeline.retry()), [timeline, known]);
  return [timeline, version];
}

// Returns [nameOf(userId), version].
export function useNames(client, me) {
  const [version, changed] = useTick();
  useEffect(() => client.names.onChange(changed), [client]);
  const nameOf = useMemo(() => (id) => (id === me.user_id ? me.display_name : client.names.of(id)), [client, me]);
  return [nameOf, version];
}

// What is on its way in a channel and not in the timeline yet.
export function usePending(client, channelId, timeline) {
  const [, changed] = useTick();
  useEffect(() => client.outbox.onChange(changed), [client]);
  return client.outbox.of(channelId).filter((item) => !item.messageId || !timeline.find(item.messageId));
}

// The state of the connection, null as long as there is nothing to say about it.
export function useConnection(client) {
  const [state, setState] = useState(null);
  useEffect(() => {
    let timer = null;
    const changed = (next) => {
      clearTimeout(timer);
      if (next === "open") setState(null);
      else if (next === "offline") setState(next);
      else timer = setTimeout(() => setState(client.live.state), UNSTEADY);
    };
    changed(client.live.state);
    const stop = client.live.on("state", changed);
    return () => {
      clearTimeout(timer);
      stop();
    };
  }, [client]);
  return state;
}

const looking = () => !document.hidden && document.hasFocus();

// Marks what was seen as read while somebody looks, and remembers where what is new begins.
// Returns { divider, seen(number), seenUpTo, forget() }.
export function useReading(rooms, room, channelId, timeline) {
  const latest = useRef({});
  latest.current = { rooms, room, channelId, timeline };
  const seenUpTo = useRef(0);
  const [divider, setDivider] = useState(undefined); // undefined: not known yet
  const known = room !== undefined;
  useEffect(() => {
    if (known && divider === undefined) setDivider(room.unread > 0 ? room.read_number : null);
  }, [known]);

  const read = () => looking() && latest.current.rooms.read(latest.current.channelId, seenUpTo.current);
  useEffect(() => {
    const left = () => setDivider((now) => now ?? seenUpTo.current);
    const came = () => {
      setDivider((now) => (now >= latest.current.timeline.count ? null : now));
      read();
    };
    const turned = () => (document.hidden ? left() : came());
    addEventListener("blur", left);
    addEventListener("focus", came);
    document.addEventListener("visibilitychange", turned);
    return () => {
      removeEventListener("blur", left);
      removeEventListener("focus", came);
      document.removeEventListener("visibilitychange", turned);
    };
  }, []);
  const seen = useRef((number) => {
    if (number > seenUpTo.current) seenUpTo.current = number;
    read();
  }).current;
  useEffect(() => void read(), [known]);
  return { divider: divider ?? null, decided: divider !== undefined, seen, seenUpTo, forget: () => setDivider(null) };
}

// Tells those who hear the page what others write, not more often than one can listen.
export function Announcer({ timeline, version, nameOf, me }) {
  const [said, setSaid] = useState("");
  const state = useRef({ upTo: null, waiting: [], timer: null });
  useEffect(() => () => clearTimeout(state.current.timer), []);
  useEffect(() => {
    const now = state.current;
    const last = timeline.items.at(-1)?.seq ?? 0;
    if (timeline.ready && now.upTo !== null) {
      const fresh = timeline.items.filter((one) => one.seq > now.upTo && one.author_id !== me.user_id && one.text);
      now.waiting.push(...fresh);
    }
    if (timeline.ready) now.upTo = Math.max(now.upTo ?? 0, last);
    if (now.waiting.length) now.timer ??= setTimeout(tell, 300);
  }, [version]);

  function tell() {
    const now = state.current;
    const [one] = now.waiting;
    const count = now.waiting.length;
    now.timer = null;
    if (!count) return;
    const name = named(nameOf(now.waiting.at(-1).author_id));
    setSaid(count === 1 ? `${name}: ${plain(one.text, nameOf)}` : `${count} new messages, the last from ${name}`);
    now.waiting = [];
    now.timer = setTimeout(tell, CALM);
  }
  return html`<p class="hidden" aria-live="polite" data-announced>${said}</p>`;
}
