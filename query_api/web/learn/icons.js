// The signs on buttons and beside words, drawn here so that they take the colour of the text. They must not know where
// they stand; what they mean is said by the words or the label beside them.

import { html } from "./html.js";

export const sign =
  (...paths) =>
  ({ size = 20 } = {}) =>
    html`<svg
      width=${size}
      height=${size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.9"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      ${paths.map((d) => html`<path d=${d} />`)}
    </svg>`;

export const Search = sign("M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Z", "m20 20-4-4");
export const Book = sign(
  "M12 6.5C10 5 7 4.5 3.5 4.7v13.6C7 18 10 18.6 12 20c2-1.4 5-2 8.5-1.7V4.7C17 4.5 14 5 12 6.5Z",
  "M12 6.5V20",
);
export const Shelf = sign("M5 4v16", "M9.5 4v16", "M13.5 5l4.5 14.5", "M3 20h18");
export const Talk = sign("M4 5.5h16v11H10.5L6 20.5v-4H4Z", "M8 9.5h8", "M8 12.5h5");
export const Person = sign("M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z", "M4.5 20.5c.8-4 3.8-6 7.5-6s6.7 2 7.5 6");
export const Gear = sign(
  "M4 7h9",
  "M17 7h3",
  "M15 5v4",
  "M4 12h3",
  "M11 12h9",
  "M9 10v4",
  "M4 17h9",
  "M17 17h3",
  "M15 15v4",
);
export const Leave = sign("M14 4.5H5v15h9", "M10 12h10.5", "m17 8.5 3.5 3.5-3.5 3.5");
export const Enter = sign("M10 4.5h9v15h-9", "M3.5 12H14", "m10.5 8.5 3.5 3.5-3.5 3.5");
export const Plus = sign("M12 5v14", "M5 12h14");
export const Pen = sign("m4 20 1-4.5L16.5 4 20 7.5 8.5 19Z", "m14 6.5 3.5 3.5");
export const Eye = sign(
  "M2.5 12C5 7.5 8.3 5.5 12 5.5s7 2 9.5 6.5c-2.5 4.5-5.8 6.5-9.5 6.5s-7-2-9.5-6.5Z",
  "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z",
);
export const EyeShut = sign(
  "M4 4l16 16",
  "M9.5 6c.8-.3 1.6-.5 2.5-.5 3.7 0 7 2 9.5 6.5-.7 1.3-1.5 2.4-2.4 3.3",
  "M6 7.7C4.7 8.7 3.5 10.1 2.5 12c2.5 4.5 5.8 6.5 9.5 6.5 1.5 0 3-.4 4.3-1.1",
);
export const Warning = sign("M12 4 2.5 20h19Z", "M12 10v4.5", "M12 17.3v.2");
export const Good = sign("m4.5 12.5 5 5 10-11");
export const Close = sign("M6 6l12 12", "M18 6 6 18");
export const Seat = sign("M7 4v8h10V4", "M5 12v4h14v-4", "M7 16v4", "M17 16v4");
export const Next = sign("m9 5 7 7-7 7");
export const Down = sign("m6 9.5 6 6 6-6");
export const Hash = sign("M9.5 4 7.5 20", "M16.5 4l-2 16", "M4.5 9h16", "M3.5 15h16");
export const Cloud = sign(
  "M4 4l16 16",
  "M8.5 6.7A6 6 0 0 1 17.5 10a4.3 4.3 0 0 1 2.6 7",
  "M17 18.5H7a4.5 4.5 0 0 1-1.3-8.8",
);
export const Screen = sign("M4 5h16v11H4Z", "M9 20h6", "M12 16v4");
