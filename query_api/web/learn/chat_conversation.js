// One conversation: its head, what was said, where one writes, and a panel beside it. It ties them together; it must
// not know how any of them looks.

import { Composer } from "./chat_composer.js";
import { Header } from "./chat_header.js";
import { Questions, useActions } from "./chat_actions.js";
import { SidePanel } from "./chat_panel.js";
import { Announcer, useConnection, useNames, usePending, useReading, useTimeline } from "./chat_state.js";
import { Messages } from "./chat_timeline.js";
import { enumerated, named, titleOf } from "./chat_words.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { Cloud } from "./icons.js";
import { Failed, Sketch } from "./loading.js";
import { usePlace } from "./place.js";
import { plain } from "./markdown.js";

const SUGGESTIONS = 8;
const ANSWERED = 120; // characters of what one replies to

function Connection({ state }) {
  const said =
    state === "offline"
      ? "What you write is sent as soon as the network is back."
      : state && "Connecting again. What you write is sent as soon as that is done.";
  return html`<p class="connection" role="status">${said && html`<${Cloud} size=${16} />${said}`}</p>`;
}

function Typing({ timeline, nameOf }) {
  const typists = timeline.typists();
  const names = typists.slice(0, 2).map((id) => named(nameOf(id)));
  return html`<p class="typing" data-typing>
    ${
      names.length > 0 &&
      html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>
      <span><bdi>${enumerated(names, typists.length)}</bdi> ${typists.length === 1 ? "is" : "are"} writing …</span>`
    }
  </p>`;
}

// Goes to the message that the address names, once; says which one that is.
function useTarget(timeline, say) {
  const { route } = usePlace();
  const wanted = route.query?.get("message") ?? null;
  const [flash, setFlash] = useState(null);
  useEffect(() => {
    if (wanted && timeline.ready) jump(wanted);
  }, [wanted, timeline.ready]);
  async function jump(messageId) {
    try {
      await timeline.around(messageId);
      setFlash(null);
      requestAnimationFrame(() => setFlash(messageId));
    } catch (error) {
      say(error.message, "bad");
    }
  }
  return [flash, jump];
}

function Shut({ room, timeline }) {
  return html`<section class="talk">
    <${Header} room=${room} panel=${null} toggle=${() => {}} />
    <div class="talk-failed">
      <${Failed} error=${timeline.error} again=${() => timeline.start()} what="This channel" />
    </div>
  </section>`;
}

export function Conversation({ client, me, channelId, rooms, open }) {
  const { say } = usePlace();
  const room = rooms.get?.(channelId);
  const [timeline, version] = useTimeline(client, channelId, me, room);
  const [nameOf, names] = useNames(client, me);
  const pending = usePending(client, channelId, timeline);
  const connection = useConnection(client);
  const reading = useReading(rooms, room, channelId, timeline);
  const [flash, jump] = useTarget(timeline, say);
  const [panel, setPanel] = useState(null); // { name, rootId }
  const [draft, setDraft] = useState({ replyTo: null, editing: null });
  const opener = useRef(null);

  const { actions, question, ask, answered } = useActions({ client, me, room, rooms, open, say, setDraft, show });
  const shared = useMemo(() => ({ me, nameOf, names, actions }), [me, nameOf, names, actions]);
  const find = async (q) => {
    const { items } = await client.channels.members(channelId, { q, limit: SUGGESTIONS });
    return items.filter((one) => one.display_name && one.user_id !== me.user_id);
  };
  const rename = () => ask({ kind: "rename" });
  const typed = () => client.live.typing(channelId);

  function show(next) {
    opener.current = document.activeElement;
    setPanel(next);
  }
  function close() {
    setPanel(null);
    const back = opener.current?.closest?.("[data-message]") ?? opener.current;
    requestAnimationFrame(() => back?.isConnected && back.focus({ preventScroll: true }));
  }
  const toggle = (name) => (panel?.name === name ? close() : show({ name }));
  const stopped = () => setDraft({ replyTo: null, editing: null });
  async function saveEdit(text) {
    try {
      if (text !== draft.editing.text) await client.messages.edit(channelId, draft.editing.message_id, text);
      stopped();
    } catch (error) {
      say(error.message, "bad");
    }
  }
  function send(text) {
    if (draft.editing) return void saveEdit(text);
    const root = draft.replyTo && (draft.replyTo.thread_id ?? draft.replyTo.message_id);
    client.outbox.send(channelId, text, { replyTo: root });
    reading.forget();
    stopped();
  }
  const lastOwn = () => {
    const last = timeline.items.findLast((one) => one.author_id === me.user_id && one.text !== null);
    if (last) setDraft({ replyTo: null, editing: last });
  };

  if (timeline.error && !timeline.ready) return html`<${Shut} room=${room} timeline=${timeline} />`;
  const inThread = panel?.name === "thread" && draft.editing?.thread_id === panel.rootId;
  const above = aboveOf(draft, nameOf);
  const panelProps = { say, panel, client, me, room, rooms, channelId, timeline, pending, shared, nameOf, find, typed };
  return html`<section class="talk" aria-label=${titleOf(room)} data-channel=${channelId}>
      <${Header} room=${room} here=${timeline.here} panel=${panel?.name} toggle=${toggle} rename=${rename} />
      <div class="talk-body">
        ${
          !(timeline.ready && reading.decided)
            ? html`<div class="scroller"><${Sketch} lines=${6} /></div>`
            : html`<${Messages}
              timeline=${timeline}
              version=${version}
              divider=${reading.divider}
              flash=${flash}
              seen=${reading.seen}
              seenUpTo=${reading.seenUpTo}
              pending=${pending}
              shared=${shared}
              outbox=${client.outbox}
              label=${`Messages in ${titleOf(room)}`}
            />`
        }
        <${Announcer} timeline=${timeline} version=${version} nameOf=${nameOf} me=${me} />
      </div>
      <div class="talk-foot">
        <${Typing} timeline=${timeline} nameOf=${nameOf} />
        <${Connection} state=${connection} />
        ${
          timeline.ended
            ? html`<p class="notice warn">You are not in this channel any more.</p>`
            : html`<${Composer}
              place=${channelId}
              label=${room?.with ? `Message ${titleOf(room)}` : `Message #${titleOf(room)}`}
              send=${send}
              typed=${typed}
              above=${inThread ? null : above}
              editing=${!inThread && draft.editing ? draft.editing.text : null}
              cancel=${stopped}
              nameOf=${nameOf}
              find=${find}
              lastOwn=${lastOwn}
              focusOn=${channelId}
            />`
        }
      </div>
    </section>
    ${
      panel &&
      html`<${SidePanel}
      ...${panelProps}
      editing=${inThread ? draft.editing : null}
      stopEditing=${stopped}
      saveEdit=${saveEdit}
      close=${close}
      write=${room?.course_id ? actions.write : null}
      jump=${jump}
      open=${open}
    />`
    }
    <${Questions}
      question=${question}
      client=${client}
      me=${me}
      room=${room}
      nameOf=${nameOf}
      say=${say}
      closed=${answered}
    />`;
}

function aboveOf({ replyTo, editing }, nameOf) {
  if (editing) return "Changing your message";
  if (!replyTo) return null;
  return `Reply to ${named(nameOf(replyTo.author_id))}: ${plain(replyTo.text ?? "", nameOf).slice(0, ANSWERED)}`;
}
