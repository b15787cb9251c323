// Lines over the last minutes, drawn by uPlot in the page's colours, with their numbers as text beside them.
// It must not know what is measured.

import uPlot from "/web/vendor/uplot.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { KEPT_SECONDS } from "./rates.js";

const HEIGHT = 190;
const LEAST = 60; // seconds shown; they grow to as many as are kept
const DASHES = [[], [], [6, 3], [2, 3], [9, 3, 2, 3], [12, 4]]; // lines differ without their colours, too
const dark = matchMedia("(prefers-color-scheme: dark)");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const MINUTE = { hour: "2-digit", minute: "2-digit" };
const SECOND = { ...MINUTE, second: "2-digit" };
const STEPS = [15, 30, 60, 120]; // seconds between times that are said

const onTheClock = (seconds, shape) => new Date(seconds * 1000).toLocaleTimeString("en-GB", shape);

function drawing(box, lines, floor, say, pointed) {
  const ink = { stroke: colour("--soft"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: colour("--rule"), width: 1 };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    hooks: { setCursor: [(plot) => pointed(plot.cursor.idx ?? null)] },
    scales: {
      x: {
        time: true,
        range: (_, first, last) => [Math.max(last - KEPT_SECONDS, Math.min(first, last - LEAST)), last],
      },
      y: { range: (_, __, most) => [0, Math.max(floor, most * 1.15)] },
    },
    axes: [
      {
        ...ink,
        grid: { show: false },
        space: 70,
        size: 26,
        incrs: STEPS,
        values: (_, ticks, __, ___, step) => ticks.map((tick) => onTheClock(tick, step < 60 ? SECOND : MINUTE)),
      },
      { ...ink, grid, size: 46, space: 34, values: (_, ticks) => ticks.map(say) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: colour(`--line-${line.look}`),
        width: line.look ? 1.5 : 2,
        dash: DASHES[line.look],
        points: { show: false },
      })),
    ],
  };
}

const Sample = ({ look }) =>
  html`<svg class="sample" viewBox="0 0 24 8" aria-hidden="true">
    <line x1="0" y1="4" x2="24" y2="4" class="line-${look}" stroke-dasharray=${DASHES[look].join(" ")} />
  </svg>`;

// title: what is drawn. times: seconds. lines: [{ label, look, values }], the look a number below
// six, of which 0 is the strongest. say: a value as text. floor: the least height.
// note: how the chart is read, for those who do not see it.
export function Chart({ title, times, lines, say, floor, note }) {
  const box = useRef(null);
  const plot = useRef(null);
  const [theme, setTheme] = useState(dark.matches);
  const [index, setIndex] = useState(null);

  useEffect(() => {
    const turned = () => setTheme(dark.matches);
    dark.addEventListener("change", turned);
    return () => dark.removeEventListener("change", turned);
  }, []);

  useEffect(() => {
    const data = [times, ...lines.map((line) => line.values)];
    plot.current = new uPlot(drawing(box.current, lines, floor, say, setIndex), data, box.current);
    const resized = new ResizeObserver(([entry]) => {
      plot.current?.setSize({ width: Math.floor(entry.contentRect.width), height: HEIGHT });
    });
    resized.observe(box.current);
    return () => {
      resized.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
  }, [theme, lines.map((line) => line.label).join()]);

  useEffect(() => plot.current?.setData([times, ...lines.map((line) => line.values)]));

  const shown = index ?? times.length - 1;
  const most = (line) => Math.max(0, ...line.values.filter((value) => value !== null));
  return html`<figure class="chart card">
    <figcaption>
      <h3>${title}</h3>
      <span class="soft">${index === null ? "now" : onTheClock(times[index], SECOND)}</span>
    </figcaption>
    <div ref=${box} class="canvas" role="img" aria-label=${`${title}, the last five minutes. ${note}`}></div>
    <ul class="legend">
      ${lines.map(
        (line) => html`<li key=${line.label}>
          <${Sample} look=${line.look} />
          <span>${line.label}</span>
          <b>${say(line.values[shown] ?? null)}</b>
          <span class="hidden">, at most ${say(most(line))} in five minutes</span>
        </li>`,
      )}
    </ul>
  </figure>`;
}
