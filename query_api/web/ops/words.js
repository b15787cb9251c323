// How numbers, times and names are said. It must not know where they come from.

import { html } from "./html.js";

const WHOLE = new Intl.NumberFormat("en-GB");
const TENTHS = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const UNKNOWN = "–";
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

export const count = (number) => (number == null ? UNKNOWN : WHOLE.format(number));

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

export function perSecond(rate) {
  if (rate == null) return UNKNOWN;
  return rate > 0 && rate < 10 ? TENTHS.format(rate) : WHOLE.format(Math.round(rate));
}

// A length of time, as long as it is worth to say.
export function lasting(seconds) {
  if (seconds == null) return UNKNOWN;
  if (seconds < 0.05) return "0 s";
  if (seconds < 10) return `${TENTHS.format(seconds)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

export function size(bytes) {
  if (bytes == null) return UNKNOWN;
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) [bytes, unit] = [bytes / 1000, unit + 1];
  return `${bytes >= 10 || unit === 0 ? WHOLE.format(Math.round(bytes)) : TENTHS.format(bytes)} ${UNITS[unit]}`;
}

// The time on the clock, with the day if it was another one.
export function clock(text) {
  const at = new Date(text);
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString("en-GB", today ? TIME : { day: "numeric", month: "short", ...TIME });
}

export const Time = ({ at }) =>
  at == null ? UNKNOWN : html`<time datetime=${at} title=${new Date(at).toString()}>${clock(at)}</time>`;

const MARKS = { good: "●", watch: "▲", bad: "■", idle: "○" };

// A state: a colour, a mark of another shape for each, and the word itself.
export const State = ({ of, children }) =>
  html`<span class="state ${of}"><span aria-hidden="true">${MARKS[of]}</span> ${children}</span>`;

export const named = (generation) => `${generation.projection}_v${generation.version}_g${generation.generation}`;
