// Asks again and again while somebody looks: not while the tab is hidden, slower while no answer comes.
// It must not know what is asked for.

import { useEffect, useRef, useState } from "./html.js";

const SLOWEST = 5000;

// ask: gets what is shown, async. pause: milliseconds between two askings; null: not at all.
// Returns { value, error, again }: the last answer, why there is no newer one, and a function that asks at once.
export function usePolling(ask, pause) {
  const [state, setState] = useState({ value: null, error: null });
  const latest = useRef(null);
  latest.current = { ask, pause };
  const again = useRef(() => {});

  useEffect(() => {
    if (pause === null) return undefined;
    let [over, running, timer, failures] = [false, false, 0, 0];

    async function turn() {
      if (over || running || document.hidden) return;
      clearTimeout(timer);
      running = true;
      try {
        const value = await latest.current.ask();
        failures = 0;
        if (!over) setState({ value, error: null });
      } catch (error) {
        failures += 1;
        if (!over) setState((before) => ({ value: before.value, error }));
      }
      running = false;
      const wait = Math.max(latest.current.pause ?? SLOWEST, Math.min(SLOWEST, failures * 1000));
      if (!over) timer = setTimeout(turn, wait);
    }

    again.current = turn;
    document.addEventListener("visibilitychange", turn);
    turn();
    return () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", turn);
    };
  }, [pause === null]);

  return { ...state, again: () => again.current() };
}
