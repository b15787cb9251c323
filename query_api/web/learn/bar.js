// The bar above every view: where one can go, how much is unread, and who one is. It must not know what views show.

import { html, useEffect, useRef, useState } from "./html.js";
import { Book, Down, Enter, Gear, Leave, Shelf, Talk } from "./icons.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";
import { counted } from "./words.js";

const initials = (name) =>
  (name ?? "?")
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0].toUpperCase())
    .join("") || "?";

// Drawn by the style sheet, so that it is no text: the name is said where it stands.
export const Initials = ({ name }) => html`<span class="initials" data-initials=${initials(name)}></span>`;

export function Badge({ number, of = "message" }) {
  if (!number) return null;
  return html`<span class="badge">
    <span aria-hidden="true">${number > 99 ? "99+" : number}</span>
    <span class="hidden">${counted(number, `unread ${of}`)}</span>
  </span>`;
}

function Link({ href, here, icon, children }) {
  return html`<a class="way" href=${href} aria-current=${here ? "page" : null}>${icon}<span>${children}</span></a>`;
}

// The menu under one's name; it closes on Escape, on a choice, and when the focus leaves it.
function Account({ me, signOut }) {
  const [open, setOpen] = useState(false);
  const box = useRef(null);
  const button = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => box.current.contains(event.target) || setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const pressed = (event) => {
    if (event.key !== "Escape" || !open) return;
    setOpen(false);
    button.current.focus();
  };
  const left = (event) => event.relatedTarget && !box.current.contains(event.relatedTarget) && setOpen(false);
  return html`<div class="account" ref=${box} onKeyDown=${pressed} onFocusOut=${left}>
    <button
      type="button"
      ref=${button}
      class="who"
      aria-expanded=${open ? "true" : "false"}
      aria-controls="account"
      aria-label=${`Account of ${me.display_name}`}
      onClick=${() => setOpen(!open)}
    >
      <${Initials} name=${me.display_name} />
      <${Down} size=${16} />
    </button>
    <div id="account" class="menu" hidden=${!open}>
      <p class="menu-head"><b>${me.display_name}</b><span class="muted small">${me.email}</span></p>
      <a href=${to.settings()} onClick=${() => setOpen(false)}><${Gear} />Settings</a>
      <button type="button" onClick=${signOut}><${Leave} />Sign out</button>
    </div>
  </div>`;
}

export function Bar({ unread }) {
  const { me, route, signOut } = usePlace();
  const here = route.name;
  const skip = (event) => {
    event.preventDefault(); // the part of the address behind the # names the view
    document.getElementById("content").focus();
  };
  return html`<a class="skip button" href="#content" onClick=${skip}>Skip to the content</a>
    <header class="bar">
      <a class="brand" href=${to.courses()} aria-label="mimo, to the courses">
        <img src="/web/learn/icon.svg" alt="" width="28" height="28" />mimo
      </a>
      <nav aria-label="Main">
        <${Link} href=${to.courses()} here=${here === "courses"} icon=${html`<${Book} />`}>Courses<//>
        ${
          me &&
          html`<${Link} href=${to.mine()} here=${here === "mine"} icon=${html`<${Shelf} />`}>My courses<//>
            <${Link} href=${to.messages()} here=${here === "messages"} icon=${html`<${Talk} />`}>
              Messages <${Badge} number=${unread} />
            <//>`
        }
      </nav>
      ${
        me === undefined || here === "sign-in"
          ? null // it is not known yet, or one is there
          : me
            ? html`<${Account} key=${me.user_id} me=${me} signOut=${signOut} />`
            : html`<a class="button main small" href=${to.signIn(back(route))}><${Enter} />Sign in</a>`
      }
    </header>`;
}

// Where to come back to after signing in; null from the page for that itself.
const back = ({ name, path }) => (["sign-in", "register", null].includes(name) ? null : path);
