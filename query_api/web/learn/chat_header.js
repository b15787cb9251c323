// The head of a conversation: what it is called, where it belongs, and what one can open beside it. It must not know
// what is said in it.

import { Back, People, Shield } from "./chat_icons.js";
import { Portrait, titleOf } from "./chat_words.js";
import { Heading } from "./heading.js";
import { html } from "./html.js";
import { Hash, Pen, Search } from "./icons.js";
import { to } from "./router.js";

const Here = ({ count }) => html`<span class="count" data-here=${count} aria-hidden="true">${count}</span>`;

// panel: which is open; toggle(name): opens or closes one. rename(): begins to.
export function Header({ room, here, panel, toggle, rename }) {
  const people = here ? `People, ${here.count} here now` : "People";
  const title = titleOf(room);
  const button = (name, label, icon, more) =>
    html`<button
      type="button"
      class="icon labelled"
      aria-label=${label}
      title=${label}
      aria-pressed=${panel === name ? "true" : "false"}
      data-panel=${name}
      onClick=${() => toggle(name)}
    >
      ${icon}${more}
    </button>`;
  return html`<header class="talk-head">
    <a class="back icon" href=${to.messages()} aria-label="All channels" title="All channels"><${Back} /></a>
    ${
      room?.with
        ? html`<${Portrait} userId=${room.with.user_id} name=${room.with.display_name} />`
        : html`<span class="sign"><${Hash} /></span>`
    }
    <div class="names">
      <${Heading} title=${title}><bdi>${title}</bdi><//>
      ${
        room?.course_id &&
        html`<a class="muted small" href=${to.course(room.course_id)}><bdi>${room.course_title}</bdi></a>`
      }
      ${room?.with && html`<span class="muted small">Only the two of you read this</span>`}
    </div>
    ${
      room?.moderator &&
      room.course_id &&
      html`<button
        type="button"
        class="icon"
        aria-label="Rename the channel"
        title="Rename the channel"
        onClick=${rename}
      >
      <${Pen} />
    </button>`
    }
    ${room?.moderator && room.course_id && button("moderation", "Moderation", html`<${Shield} />`)}
    ${button("search", "Search", html`<${Search} />`)}
    ${button("members", people, html`<${People} />`, here && html`<${Here} count=${here.count} />`)}
  </header>`;
}
