// The chat of the learner's page: the channels that one is in beside the conversation that is open; on a phone one of
// the two at a time. It must not know where in the page it is.

import { Conversation } from "./chat_conversation.js";
import { RoomList } from "./chat_room_list.js";
import { html, useEffect, useState } from "./html.js";
import { Talk } from "./icons.js";

// client: MimoClient; me: the own user; channelId: what is shown; rooms: the Rooms store; open(path): goes there.
export function Chat({ client, me, channelId, rooms, open }) {
  const [, tick] = useState(0);
  useEffect(() => rooms.onChange?.(() => tick((n) => n + 1)), [rooms]);
  return html`<div class="chat" data-pane=${channelId ? "talk" : "rooms"}>
    <${RoomList} rooms=${rooms} channelId=${channelId} client=${client} open=${open} />
    ${
      channelId
        ? html`<${Conversation}
          key=${channelId}
          client=${client}
          me=${me}
          channelId=${channelId}
          rooms=${rooms}
          open=${open}
        />`
        : html`<section class="talk none">
          <span class="sign"><${Talk} size=${28} /></span>
          <p class="muted">Choose a channel, or somebody to talk to.</p>
        </section>`
    }
  </div>`;
}
