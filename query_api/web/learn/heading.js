// The heading of a view, one for each: names the tab, with what is unread, and takes the focus of whoever came by a
// link, so that reading goes on there. It must not know which view it is in.

import { html, useEffect, useRef } from "./html.js";
import { usePlace } from "./place.js";
import { restoreHeight, takeArrival } from "./router.js";

// title: of the tab, if the heading says more or other things than it.
export function Heading({ title, children, ...rest }) {
  const heading = useRef(null);
  useEffect(() => {
    if (takeArrival()) heading.current.focus({ preventScroll: true });
    restoreHeight();
  }, []);
  const unread = usePlace().rooms.total;
  useEffect(() => {
    document.title = `${unread ? `(${unread}) ` : ""}${title ?? heading.current.textContent} · mimo`;
  });
  return html`<h1 ref=${heading} tabindex="-1" ...${rest}>${children}</h1>`;
}
