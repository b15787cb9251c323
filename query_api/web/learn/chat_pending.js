// A message that is on its way: it waits, is being sent, or could not be. It must not know how it is sent.

import { Portrait } from "./chat_words.js";
import { html } from "./html.js";
import { Warning } from "./icons.js";
import { MessageText } from "./message_text.js";

const STATES = { waiting: "Waits to be sent", sending: "Sending …", sent: "Sending …" };

// item: of the client's outbox.
export function Pending({ item, me, nameOf, outbox }) {
  const failed = item.state === "failed";
  return html`<li class=${`message own pending ${item.state}`} data-state=${item.state}>
    <${Portrait} userId=${me.user_id} name=${me.display_name} />
    <div class="content">
      <${MessageText} text=${item.text} nameOf=${nameOf} own=${me.user_id} />
      ${
        failed
          ? html`<p class="failed" role="alert"><${Warning} size=${16} /> Not sent. ${item.error.detail}
            <button type="button" class="plain" onClick=${() => outbox.retry(item.clientMessageId)}>Try again</button>
            <button type="button" class="plain" onClick=${() => outbox.discard(item.clientMessageId)}>Discard</button>
          </p>`
          : html`<p class="state">${STATES[item.state]}</p>`
      }
    </div>
  </li>`;
}
