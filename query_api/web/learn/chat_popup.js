// What opens at a button: a menu, or a choice of emoji; used by keyboard, closed by Escape or by looking elsewhere.
// It must not know what is chosen.

import { html, useEffect, useLayoutEffect, useRef, useState } from "./html.js";

const ROOM = 320; // pixels that it may need below its button
const SIGNS = {
  "👍": "thumbs up", "❤️": "heart", "😂": "laughing", "🎉": "party", "😮": "astonished", "😢": "sad",
  "🙏": "thank you", "🔥": "fire", "👏": "applause", "✅": "done", "❌": "no", "👀": "eyes",
  "🤔": "thinking", "😊": "smiling", "😅": "relieved", "😍": "in love", "😎": "cool", "🚀": "rocket",
  "💡": "idea", "📚": "books", "☕": "coffee", "👋": "waving", "💯": "hundred", "🙌": "hooray",
}; // prettier-ignore
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

// A button and what it opens. label, icon: of the button. children(close): what is in it, buttons.
// kind: "menu" or "grid" (arrow keys go through rows of so many: columns).
export function Popup({ label, icon, title, kind = "menu", columns = 1, className = "icon", children }) {
  const [open, setOpen] = useState(false);
  const [up, setUp] = useState(false);
  const box = useRef(null);
  const button = useRef(null);

  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => box.current.contains(event.target) || setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  useLayoutEffect(() => {
    if (open) choices(box.current)[0]?.focus();
  }, [open]);

  function close(refocus = true) {
    setOpen(false);
    if (refocus) button.current?.focus();
  }
  function toggle() {
    const { bottom, top } = button.current.getBoundingClientRect();
    setUp(innerHeight - bottom < ROOM && top > innerHeight - bottom);
    setOpen(!open);
  }
  function pressed(event) {
    if (!open) return;
    const all = choices(box.current);
    const at = all.indexOf(document.activeElement);
    const step = STEPS[event.key];
    if (event.key === "Escape") close();
    else if (event.key === "Home" || event.key === "End") all.at(event.key === "Home" ? 0 : -1)?.focus();
    else if (step) {
      const length = event.key === "ArrowDown" || event.key === "ArrowUp" ? columns : 1;
      all[(at + step * length + all.length) % all.length]?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
  const left = (event) => event.relatedTarget && !box.current.contains(event.relatedTarget) && setOpen(false);
  const role = kind === "menu" ? "menu" : "group";
  return html`<span class="popup" ref=${box} onKeyDown=${pressed} onFocusOut=${left}>
    <button
      type="button"
      ref=${button}
      class=${className}
      aria-label=${label}
      title=${title ?? label}
      aria-haspopup=${kind === "menu" ? "menu" : "true"}
      aria-expanded=${open ? "true" : "false"}
      onClick=${toggle}
    >
      ${icon}
    </button>
    ${
      open &&
      html`<div class=${`menu ${kind}${up ? " up" : ""}`} role=${role} aria-label=${label}>${children(close)}</div>`
    }
  </span>`;
}

const choices = (box) => [...box.querySelectorAll(".menu button, .menu a")];

// One line of a menu; what it does may open something that takes the focus itself (away).
export function Choice({ icon, close, act, away, danger, children }) {
  const chosen = () => {
    close(!away);
    act();
  };
  return html`<button type="button" role="menuitem" tabindex="-1" class=${danger ? "danger" : null} onClick=${chosen}>
    ${icon}${children}
  </button>`;
}

// A small choice of emoji. choose(emoji).
export function EmojiPopup({ label, icon, choose }) {
  return html`<${Popup} label=${label} icon=${icon} kind="grid" columns=${6}>
    ${(close) =>
      Object.entries(SIGNS).map(([emoji, name]) => {
        const chosen = () => {
          close();
          choose(emoji);
        };
        return html`<button type="button" key=${emoji} aria-label=${name} title=${name} onClick=${chosen}>
          ${emoji}
        </button>`;
      })}
  <//>`;
}

export const emojiName = (emoji) => SIGNS[emoji] ?? emoji;
