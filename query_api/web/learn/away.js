// Whether the APIs can be reached: says so above the view, and asks them until they are back. It must not know what
// for.

import { html, useEffect, useState } from "./html.js";
import { Cloud } from "./icons.js";

const AGAIN = 3000; // milliseconds

// Where each API answers anybody, with little.
const DOORS = {
  query: () => "/v1/courses?limit=1",
  command: (settings) => `${settings.commands}/.well-known/jwks.json`,
};

// Returns [{ query, command, offline }: what is said of who does not answer, or null; setAway({ query, command })].
export function useAway(settings) {
  const [away, setAway] = useState({ query: null, command: null });
  const [offline, setOffline] = useState(!navigator.onLine);
  useEffect(() => {
    const changed = () => setOffline(!navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  useEffect(() => {
    const names = Object.keys(DOORS).filter((name) => away[name]);
    if (!names.length) return undefined;
    const timer = setTimeout(async () => {
      const back = await Promise.all(names.map((name) => answers(DOORS[name](settings))));
      setAway((now) => ({
        ...now,
        ...Object.fromEntries(names.filter((_, n) => back[n]).map((name) => [name, null])),
      }));
    }, AGAIN);
    return () => clearTimeout(timer);
  }, [away]);
  return [{ ...away, offline }, setAway];
}

async function answers(door) {
  try {
    return (await fetch(door, { credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(AGAIN) })).ok;
  } catch {
    return false;
  }
}

export function Away({ away }) {
  const said = away.offline
    ? "You are offline. What you see may be old; it goes on by itself when the network is back."
    : (away.query || away.command) && "mimo does not answer at present. It is asked again and again; nothing is lost.";
  return html`<div role="status">${said && html`<p class="banner"><${Cloud} />${said}</p>`}</div>`;
}
