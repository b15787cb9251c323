// A message with the replies to it, and where one replies. It must not know where it is shown.

import { Composer } from "./chat_composer.js";
import { Message } from "./chat_message.js";
import { Pending } from "./chat_pending.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";
import { Failed, Sketch } from "./loading.js";
import { Thread } from "./thread.js";
import { counted } from "./words.js";

// rootId: the message that began it. pending: of the channel. shared: for each message. find(prefix): people.
export function ThreadPanel({
  client,
  channelId,
  rootId,
  pending,
  shared,
  find,
  typed,
  editing,
  stopEditing,
  saveEdit,
  closed,
}) {
  const [, tick] = useState(0);
  const end = useRef(null);
  const thread = useMemo(
    () => new Thread(client, channelId, rootId, shared.me.user_id, () => tick((n) => n + 1)),
    [rootId],
  );
  useEffect(() => {
    thread.start();
    return () => thread.stop();
  }, [thread]);
  const known = new Set(thread.items.map((one) => one.message_id));
  const waiting = pending.filter((item) => item.replyTo === rootId && !known.has(item.messageId));
  useLayoutEffect(() => end.current?.scrollIntoView({ block: "nearest" }), [thread.items.length, waiting.length]);

  const send = (text) => (editing ? saveEdit(text) : client.outbox.send(channelId, text, { replyTo: rootId }));
  return html`<div class="panel-body thread">
      ${thread.error && html`<${Failed} error=${thread.error} again=${() => thread.start()} what="The thread" />`}
      ${!thread.ready && !thread.error && html`<${Sketch} lines=${3} />`}
      ${
        thread.ready &&
        html`<ol class="messages root"><${Message} message=${thread.root} inThread ...${shared} /></ol>
        <p class="replies-head">${counted(thread.count, "reply", "replies")}</p>
        ${
          thread.hasOlder &&
          html`<button type="button" class="button small" onClick=${() => thread.older()}>Earlier replies</button>`
        }
        <ol class="messages">
          ${thread.items.map(
            (one) => html`<${Message} key=${one.message_id} message=${one} inThread tabbable ...${shared} />`,
          )}
          ${waiting.map(
            (item) =>
              html`<${Pending} key=${item.clientMessageId} item=${item} outbox=${client.outbox} ...${shared} />`,
          )}
        </ol>
        <span ref=${end}></span>`
      }
    </div>
    ${
      !closed &&
      html`<${Composer}
      place=${`thread ${rootId}`}
      label="Reply in this thread"
      send=${send}
      typed=${typed}
      above=${editing ? "Changing your reply" : null}
      editing=${editing ? editing.text : null}
      cancel=${stopEditing}
      nameOf=${shared.nameOf}
      find=${find}
      focusOn=${rootId}
    />`
    }`;
}
