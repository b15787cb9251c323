// The messages of a channel as one scrolls through them: days, groups, what is new, older ones on the way up, and the
// way back to the newest. It must not know where messages come from, nor how one looks.

import { Newest } from "./chat_icons.js";
import { Message } from "./chat_message.js";
import { Pending } from "./chat_pending.js";
import { dayOf, sameDay } from "./chat_words.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { counted } from "./words.js";

const TOGETHER = 300000; // milliseconds between messages of one group
const NEAR = 60; // pixels from the end that count as the end
const AHEAD = 600; // pixels before the first message at which older ones are asked for

// Rows: a day, the line above what is new, or a message with whether it goes on with the one before.
function rowsOf(items, divider, own) {
  const rows = [];
  let before = null;
  let told = false;
  for (const message of items) {
    const newDay = !before || !sameDay(before.sent_at, message.sent_at);
    const fresh = !told && divider !== null && message.number > divider && message.author_id !== own;
    told ||= fresh;
    if (newDay) rows.push({ key: `day ${message.sent_at.slice(0, 10)} ${message.message_id}`, day: message.sent_at });
    if (fresh) rows.push({ key: "new", fresh });
    const near = before && new Date(message.sent_at) - new Date(before.sent_at) < TOGETHER;
    const same = before?.author_id === message.author_id && !message.thread_id;
    rows.push({ key: message.message_id, message, grouped: Boolean(!newDay && !fresh && near && same) });
    before = message;
  }
  return rows;
}

function Row({ row, shared, timeline, flash, tabbable }) {
  if (row.day) return html`<li class="day"><span>${dayOf(row.day)}</span></li>`;
  if (row.fresh) return html`<li class="fresh" data-divider><span>New</span></li>`;
  const { message, grouped } = row;
  const parent = message.thread_id ? timeline.find(message.thread_id) : undefined;
  return html`<${Message}
    message=${message}
    grouped=${grouped}
    parent=${parent}
    flash=${flash === message.message_id}
    tabbable=${tabbable === message.message_id}
    ...${shared}
  />`;
}

// Keeps the place in the list: at the end as long as one is there, else at the message that is seen first.
function usePlaceInList(timeline, rows, seen) {
  const box = useRef(null);
  const place = useRef({ stick: true, anchor: null });
  const [away, setAway] = useState(false);

  function note() {
    if (!box.current?.clientHeight) return; // it was taken away, or lies behind something on a phone
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    place.current.stick = atEnd && timeline.atEnd;
    const elements = [...box.current.querySelectorAll("[data-message]")];
    const first = elements.find((one) => one.offsetTop + one.offsetHeight > scrollTop);
    place.current.anchor = first && { id: first.dataset.message, top: first.offsetTop - scrollTop };
    setAway(!place.current.stick);
    const last = elements.findLast((one) => one.offsetTop + one.offsetHeight <= scrollTop + clientHeight + NEAR);
    seen(place.current.stick ? timeline.count : Number(last?.dataset.number ?? 0));
    if (place.current.stick) timeline.trim();
    if (scrollTop < AHEAD) timeline.older();
    if (scrollHeight - scrollTop - clientHeight < AHEAD) timeline.later();
  }
  function settle() {
    if (!box.current?.clientHeight) return;
    const { stick, anchor } = place.current;
    if (stick) box.current.scrollTop = box.current.scrollHeight;
    else if (anchor) {
      const element = box.current.querySelector(`[data-message="${anchor.id}"]`);
      if (element) box.current.scrollTop = element.offsetTop - anchor.top;
    }
    note();
  }
  useLayoutEffect(settle, [rows]);
  useEffect(() => {
    const resized = new ResizeObserver(settle);
    resized.observe(box.current);
    return () => resized.disconnect();
  }, []);
  return { box, place, away, note };
}

// timeline: Timeline; version: changes with it; divider: the number of the last message that was read before, or null;
// flash: the id of a message to be shown; seen(number): told what has been in sight; shared: for each message.
export function Messages({ timeline, version, divider, flash, seen, seenUpTo, pending, shared, outbox, label }) {
  const { me, nameOf } = shared;
  const memory = useRef({ key: null, rows: [] });
  const key = `${version} ${divider} ${pending.map((item) => item.clientMessageId + item.state)} ${shared.names}`;
  if (memory.current.key !== key) memory.current = { key, rows: rowsOf(timeline.items, divider, me.user_id) };
  const { rows } = memory.current;
  const { box, place, away, note } = usePlaceInList(timeline, rows, seen);
  const [focused, setFocused] = useState(null);
  const lastSent = useRef(null);

  const newestSent = pending.at(-1)?.clientMessageId ?? null;
  useLayoutEffect(() => {
    if (newestSent && newestSent !== lastSent.current) toEnd();
    lastSent.current = newestSent;
  }, [newestSent]);
  useLayoutEffect(() => {
    const element = flash && box.current.querySelector(`[data-message="${flash}"]`);
    if (!element) return;
    place.current.stick = false;
    element.scrollIntoView({ block: "center" });
    element.focus({ preventScroll: true });
    note();
  }, [flash]);
  useLayoutEffect(() => {
    const line = timeline.ready && box.current.querySelector("[data-divider]");
    const more = timeline.hasOlder && timeline.items[0]?.number > divider + 1; // it begins further up
    if (!line || more || line.offsetTop > box.current.scrollTop) return;
    place.current = { stick: false, anchor: null };
    box.current.scrollTop = Math.max(0, line.offsetTop - 80);
    note();
  }, [timeline.ready]);

  async function toEnd() {
    if (!timeline.atEnd) await timeline.newest().catch(() => {});
    place.current.stick = true;
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }
  function pressed(event) {
    const here = event.target.closest?.("[data-message]");
    if (event.target !== here) return;
    const all = [...box.current.querySelectorAll("[data-message]")];
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const next = step ? all[all.indexOf(here) + step] : { Home: all[0], End: all.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }
  const entered = (event) => setFocused(event.target.closest("[data-message]")?.dataset.message ?? null);
  const tabbable = timeline.find(focused) ? focused : timeline.items.at(-1)?.message_id;
  const unseen = timeline.atEnd ? timeline.items.filter((one) => one.number > seenUpTo.current).length : timeline.newer;

  const forRows = { shared, timeline, flash, tabbable };
  return html`<div class="scroller" ref=${box} onScroll=${note} role="region" aria-label=${label} tabindex="-1">
      ${!timeline.hasOlder && timeline.ready && html`<p class="beginning">This is where it begins.</p>`}
      ${timeline.hasOlder && html`<p class="beginning" aria-hidden="true">Earlier messages …</p>`}
      <ol class="messages" onKeyDown=${pressed} onFocusIn=${entered}>
        ${rows.map((row) => html`<${Row} key=${row.key} row=${row} ...${forRows} />`)}
        ${pending.map(
          (item) =>
            html`<${Pending} key=${item.clientMessageId} item=${item} me=${me} nameOf=${nameOf} outbox=${outbox} />`,
        )}
      </ol>
    </div>
    ${
      away &&
      html`<button type="button" class="to-end" onClick=${toEnd}>
      <${Newest} size=${18} />${unseen > 0 ? counted(unseen, "new message") : "To the newest"}
    </button>`
    }`;
}
