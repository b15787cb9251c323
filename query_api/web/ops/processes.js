// The system's processes and how each is. It must not know what they do.

import { html } from "./html.js";
import { lasting, State, Time } from "./words.js";

const STATES = { ready: ["good", "Ready"], unready: ["bad", "Not ready"], silent: ["watch", "Silent"] };

function Row({ process }) {
  const [colour, words] = STATES[process.state] ?? ["idle", process.state];
  const silent = process.state === "silent" && `for ${lasting((Date.now() - Date.parse(process.told_at)) / 1000)}`;
  return html`<tr data-part=${process.part} data-state=${process.state}>
    <td data-label="Part"><b>${process.part}</b></td>
    <td data-label="State">
      <${State} of=${colour}>${words}<//> <span class="soft">${silent}</span>
      ${process.not_ready.map(({ name, reason }) => html`<div class="reason">${name}: ${reason}</div>`)}
    </td>
    <td data-label="Where">${process.host}, pid ${process.pid}</td>
    <td data-label="Version">${process.version}</td>
    <td data-label="Since"><${Time} at=${process.started_at} /></td>
  </tr>`;
}

export function Processes({ items }) {
  if (!items.length) return html`<p class="card empty">No process has said that it is there.</p>`;
  return html`<div class="card"><table class="folding">
    <thead>
      <tr>
        <th scope="col">Part</th><th scope="col">State</th><th scope="col">Where</th><th scope="col">Version</th>
        <th scope="col">Since</th>
      </tr>
    </thead>
    <tbody>
      ${items.map((one) => html`<${Row} key=${one.id} process=${one} />`)}
    </tbody>
  </table></div>`;
}
