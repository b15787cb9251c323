// The place of the chat in the page: the rooms that one is in beside the one that is open. It must not know how
// messages look (chat.js), nor how rooms are kept up to date (rooms.js).

import { Chat } from "./chat.js";
import { usePlace } from "./place.js";
import { html } from "./html.js";
import { go } from "./router.js";

export function Messages() {
  const { client, me, rooms, route } = usePlace();
  return html`<${Chat} client=${client} me=${me} channelId=${route.id} rooms=${rooms} open=${go} />`;
}
