// A picture for each course, the same wherever it is shown: shapes and colours drawn by lot from its id. It must not
// know anything else of the course.

import { html } from "./html.js";

const HUES = 6; // in parts.css
const COLUMNS = 8;
const ROWS = 3;
const SIZE = 40;

// What can stand in a square; each drawn in a square of 40 and turned.
const SHAPES = [
  () => html`<circle cx="20" cy="20" r="20" />`,
  () => html`<path d="M0 0a40 40 0 0 1 40 40H0Z" />`,
  () => html`<path d="M0 20a20 20 0 0 1 40 0Z" />`,
  () => html`<path d="M0 0h40L0 40Z" />`,
  () => html`<circle cx="20" cy="20" r="9" />`,
  () =>
    html`<path d="M0 0a20 20 0 0 0 20 20A20 20 0 0 0 0 40Z" /><path d="M40 0a20 20 0 0 0-20 20 20 20 0 0 0 20 20Z" />`,
  () => null,
];

// Numbers below a bound, drawn by lot (mulberry32), the same for the same seed.
function lots(seed) {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export function Cover({ id }) {
  const draw = lots(Number.parseInt(id.slice(-8), 16));
  const hue = draw(HUES);
  const squares = [];
  for (let row = 0; row < ROWS; row++)
    for (let column = 0; column < COLUMNS; column++) {
      const place = `translate(${column * SIZE} ${row * SIZE}) rotate(${draw(4) * 90} 20 20)`;
      squares.push(html`<g transform=${place} class=${`tone-${draw(4)}`}>${SHAPES[draw(SHAPES.length)]()}</g>`);
    }
  return html`<svg
    class=${`cover hue-${hue}`}
    viewBox=${`0 0 ${COLUMNS * SIZE} ${ROWS * SIZE}`}
    preserveAspectRatio="xMidYMid slice"
    aria-hidden="true"
    focusable="false"
  >
    ${squares}
  </svg>`;
}
