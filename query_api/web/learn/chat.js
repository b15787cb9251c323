// The chat of the learner's page: a channel's timeline, its composer and what stands beside them.
// It must not know where in the page it is.

import { html } from "./html.js";

// client: MimoClient; me: the own user; channelId: what is shown; rooms: the Rooms store; open(path): goes there.
export function Chat({ channelId }) {
  return html`<section class="chat" data-channel=${channelId}></section>`;
}
