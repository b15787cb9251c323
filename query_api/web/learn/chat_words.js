// How the chat says days, times and names. It must not know where they are shown.

import { html } from "./html.js";

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const FULL_DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const WHOLE = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" });

export const clock = (at) => CLOCK.format(new Date(at));
export const moment = (at) => WHOLE.format(new Date(at));

export const sameDay = (one, other) => new Date(one).toDateString() === new Date(other).toDateString();

export function dayOf(at) {
  const date = new Date(at);
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  if (sameDay(at, now)) return "Today";
  if (sameDay(at, yesterday)) return "Yesterday";
  return (date.getFullYear() === now.getFullYear() ? DAY : FULL_DAY).format(date);
}

export const named = (name) => (name === undefined ? "…" : (name ?? "Somebody who left"));

// "Ada", "Ada and Bob", "Ada, Bob and 3 others".
export function enumerated(names, count = names.length) {
  const rest = count - names.length;
  const all = rest > 0 ? [...names, rest === 1 ? "one other" : `${rest} others`] : names;
  return all.length < 2 ? (all[0] ?? "") : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

export const titleOf = (room) => (room?.with ? named(room.with.display_name) : (room?.name ?? "Channel"));

const HUES = 6;

// The first letters of a name, on a ground of one's own.
export function Portrait({ userId, name, small }) {
  const letters = (name ?? "?")
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase())
    .join("");
  const hue = Number.parseInt(userId.slice(-4), 16) % HUES;
  const look = `portrait shade-${hue}${small ? " tiny" : ""}`;
  return html`<span class=${look} aria-hidden="true">${letters || "?"}</span>`;
}
