// Keeps the newest events of the log by a filter, asking for what is new, and for older ones on demand.
// It must not know how events look.

import { useEffect, useRef, useState } from "./html.js";
import { usePolling } from "./polling.js";

const KEPT = 100; // events, unless older ones are asked for
const PAUSE = 1000; // milliseconds
const EMPTY = { items: [], position: null, before: null, passed: false };

function asked(filter, more) {
  const given = Object.entries(filter).filter(([, value]) => value);
  return `/v1/events?${new URLSearchParams([...given, ...Object.entries({ ...more, limit: KEPT })])}`;
}

const newest = async (api, filter, passed) => ({ ...(await api.read(asked(filter, {}))), passed });

// The tail with what is new; it begins anew when more has come than can be shown, or when it is another log.
async function newer(api, filter, tail) {
  if (tail.position === null) return newest(api, filter, false);
  try {
    const { items, position } = await api.read(asked(filter, { after: tail.position }));
    if (items.length >= KEPT) return newest(api, filter, true);
    if (!items.length) return { ...tail, position };
    const kept = [...items.reverse(), ...tail.items].slice(0, KEPT);
    return { items: kept, position, before: kept.length < KEPT ? tail.before : kept.at(-1).position, passed: false };
  } catch (error) {
    if (error.code !== "history_changed") throw error;
    return newest(api, filter, false);
  }
}

// The tail with what was before it; an answer may have looked at many events and found none.
async function older(api, filter, tail) {
  const { items, before } = await api.read(asked(filter, { before: tail.before }));
  return { ...tail, items: [...tail.items, ...items], before };
}

// filter: fields of events and what they must be. still: whether nothing new is asked for.
// Returns { items, position, before, passed, error, back }: newest first; passed: some are missing between this answer
// and the one before; before: where older ones would begin, if there may be any; back: async, gets some of those.
export function useTail(api, filter, still) {
  const [tail, setTail] = useState(EMPTY);
  const text = JSON.stringify(filter);
  const latest = useRef(tail);

  function keep(next) {
    latest.current = next;
    setTail(next);
  }
  async function extend(how) {
    const now = latest.current;
    const next = await how(api, filter, now);
    if (latest.current === now) keep(next); // else the filter is another one by now
  }
  useEffect(() => keep(EMPTY), [text]);
  const { error, again } = usePolling(() => extend(newer), still ? null : PAUSE);
  useEffect(() => void again(), [text]);
  return { ...tail, error, back: () => extend(older) };
}
