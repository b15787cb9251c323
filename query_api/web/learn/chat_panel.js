// What stands beside a conversation, one thing at a time: a thread, the people, or a search. It must not know how they
// look inside.

import { Members } from "./chat_members.js";
import { Moderation } from "./chat_moderation.js";
import { Search } from "./chat_search.js";
import { ThreadPanel } from "./chat_thread.js";
import { html, useEffect, useRef } from "./html.js";
import { Close } from "./icons.js";
import { to } from "./router.js";

const TITLES = { thread: "Thread", members: "People", search: "Search", moderation: "Moderation" };

export function SidePanel({ panel, close, open, jump, timeline, write, ...given }) {
  const heading = useRef(null);
  useEffect(() => {
    if (panel.name === "members" || panel.name === "moderation") heading.current.focus();
  }, [panel.name]);
  const narrow = matchMedia("(max-width: 760px)").matches; // then it is all that is shown
  const pressed = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) close();
  };
  async function found(message) {
    if (message.channel_id !== given.channelId) open(`${to.channel(message.channel_id)}?message=${message.message_id}`);
    else await jump(message.message_id);
    if (narrow) close();
  }
  return html`<aside class="side" aria-label=${TITLES[panel.name]} onKeyDown=${pressed}>
    <div class="side-head">
      <h2 ref=${heading} tabindex="-1" aria-level=${narrow ? 1 : 2}>${TITLES[panel.name]}</h2>
      <button type="button" class="icon" aria-label="Close" title="Close" onClick=${close}><${Close} /></button>
    </div>
    ${panel.name === "members" && html`<${Members} here=${timeline.here} write=${write} ...${given} />`}
    ${panel.name === "moderation" && html`<${Moderation} jump=${found} ...${given} />`}
    ${panel.name === "search" && html`<${Search} show=${found} ...${given} />`}
    ${
      panel.name === "thread" &&
      html`<${ThreadPanel} key=${panel.rootId} rootId=${panel.rootId} closed=${Boolean(timeline.ended)} ...${given} />`
    }
  </aside>`;
}
