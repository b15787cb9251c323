// Fields of forms: a label, a hint, and what was wrong, tied to the field for those who hear the page. They must not
// know which form they are in.

import { html, useId, useState } from "./html.js";
import { Eye, EyeShut, Warning } from "./icons.js";

const described = (id, hint, fault) => [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ") || null;

function Around({ id, label, hint, fault, children }) {
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children} ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${fault && html`<p class="fault" id=${`${id}-fault`}><${Warning} size=${16} />${fault}</p>`}
  </div>`;
}

// One line, or with `lines` several. Everything else goes to the input itself: what stands in it first as defaultValue,
// so that it is not put there again while somebody types.
export function Field({ label, hint, fault, lines, ...rest }) {
  const id = useId();
  const all = { id, "aria-describedby": described(id, hint, fault), "aria-invalid": fault ? "true" : null, ...rest };
  return html`<${Around} id=${id} label=${label} hint=${hint} fault=${fault}>
    ${lines ? html`<textarea rows=${lines} ...${all}></textarea>` : html`<input ...${all} />`}
  <//>`;
}

// A password, which can be looked at while one types.
export function Secret({ label, hint, fault, ...rest }) {
  const id = useId();
  const [seen, setSeen] = useState(false);
  const all = { id, "aria-describedby": described(id, hint, fault), "aria-invalid": fault ? "true" : null, ...rest };
  return html`<${Around} id=${id} label=${label} hint=${hint} fault=${fault}>
    <div class="secret">
      <input type=${seen ? "text" : "password"} spellcheck="false" autocapitalize="none" ...${all} />
      <button
        type="button"
        class="icon"
        aria-label=${`Show ${label.toLowerCase()}`}
        aria-pressed=${seen ? "true" : "false"}
        aria-controls=${id}
        onClick=${() => setSeen(!seen)}
      >
        ${seen ? html`<${EyeShut} />` : html`<${Eye} />`}
      </button>
    </div>
  <//>`;
}
