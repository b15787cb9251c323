// Sentences that are said for a while, at the edge of the page. They must not know who says them.

import { html, useCallback, useEffect, useState } from "./html.js";
import { Close, Good, Warning } from "./icons.js";

const SAID_FOR = 7000; // milliseconds; a problem stays until it is closed
let number = 0;

// Returns [what is said, say(sentence, kind), close(id)].
export function useToasts() {
  const [said, setSaid] = useState([]);
  const close = useCallback((id) => setSaid((all) => all.filter((one) => one.id !== id)), []);
  const say = useCallback((sentence, kind = "good") => {
    setSaid((all) => [...all.filter((one) => one.sentence !== sentence), { id: ++number, sentence, kind }].slice(-3));
  }, []);
  return [said, say, close];
}

function Toast({ one, close }) {
  useEffect(() => {
    if (one.kind === "bad") return undefined;
    const timer = setTimeout(() => close(one.id), SAID_FOR);
    return () => clearTimeout(timer);
  }, [one.id]);
  return html`<div class=${`toast ${one.kind}`}>
    ${one.kind === "bad" ? html`<${Warning} />` : html`<${Good} />`}
    <p>${one.sentence}</p>
    <button type="button" class="icon" aria-label="Close this notice" onClick=${() => close(one.id)}>
      <${Close} size=${16} />
    </button>
  </div>`;
}

export const Toasts = ({ said, close }) =>
  html`<div class="toasts" role="status" aria-label="Notices">
    ${said.map((one) => html`<${Toast} key=${one.id} one=${one} close=${close} />`)}
  </div>`;
