// The signs of the chat, drawn like those of the page. They must not know where they stand.

import { sign } from "./icons.js";

export const Smile = sign(
  "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z",
  "M9 10v.2",
  "M15 10v.2",
  "M8.5 14.2c1.9 2.4 5.1 2.4 7 0",
);
export const Reply = sign("M9.5 6 4 11.5 9.5 17", "M4.5 11.5H14c3.6 0 6 2 6 6.5");
export const Thread = sign("M4 5h16v10.5H11L6.5 19.5v-4H4Z", "M8 10.2h8");
export const More = sign(
  "M4.5 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0",
  "M11 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0",
  "M17.5 12a1 1 0 1 0 2 0 1 1 0 1 0-2 0",
);
export const Send = sign("M4.5 12 20 4.5 15.5 20l-4-6.5Z", "M11.5 13.5 20 4.5");
export const People = sign(
  "M9 5.5a3.3 3.3 0 1 0 0 6.6 3.3 3.3 0 0 0 0-6.6Z",
  "M2.8 19c.6-3.3 3-5 6.2-5s5.6 1.7 6.2 5",
  "M15.5 5.9a3.2 3.2 0 0 1 0 5.9",
  "M17.6 14.4c2 .7 3.2 2.2 3.6 4.6",
);
export const Back = sign("m14.5 5-7 7 7 7");
export const Flag = sign("M6 21V4", "M6 5h11l-2.2 3.8L17 12.5H6");
export const Clock = sign("M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Z", "M12 8v4.3l2.8 2");
export const Bin = sign("M5 7h14", "M9.5 7V4.5h5V7", "m6.5 7 1 12.5h9l1-12.5");
export const Copy = sign("M9 9h10v11H9Z", "M15 6V4.5H5V15h1.5");
export const Mute = sign("M4 9.5v5h3.5l5 4v-13l-5 4Z", "m16.5 9.5 5 5", "m21.5 9.5-5 5");
export const Newest = sign("M12 4.5v14", "m6 13 6 6 6-6");
export const Shield = sign("M12 3.5 5 6v5.5c0 4.3 2.8 7.4 7 9 4.2-1.6 7-4.7 7-9V6Z", "m9 11.8 2.2 2.2 4-4.4");
