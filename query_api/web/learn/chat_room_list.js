// The channels that one is in, by course, and the people whom one talks to, with what is unread. It must not know what
// is said in them.

import { Badge } from "./bar.js";
import { Portrait, titleOf } from "./chat_words.js";
import { Heading } from "./heading.js";
import { html, useState } from "./html.js";
import { Hash, Plus } from "./icons.js";
import { Sketch } from "./loading.js";
import { to } from "./router.js";
import { NewChannel } from "./chat_questions.js";

// Rooms by course, in their order; direct ones last.
export function grouped(rooms) {
  const groups = new Map();
  for (const room of rooms) {
    const key = room.course_id ?? "direct";
    const group = groups.get(key) ?? { key, title: room.course_title ?? "Direct messages", rooms: [] };
    group.rooms.push(room);
    groups.set(key, group);
  }
  return [...groups.values()].sort((one, other) => (one.key === "direct") - (other.key === "direct"));
}

function Entry({ room, here }) {
  const look = `room${room.unread && !here ? " unread" : ""}`;
  return html`<li>
    <a
      class=${look}
      href=${to.channel(room.channel_id)}
      aria-current=${here ? "page" : null}
      data-room=${room.channel_id}
    >
      ${
        room.with
          ? html`<${Portrait} userId=${room.with.user_id} name=${room.with.display_name} small />`
          : html`<${Hash} size=${18} />`
      }
      <bdi class="title">${titleOf(room)}</bdi>
      ${
        room.unread_mentions > 0 &&
        html`<span class="at" title="Somebody mentions you">@<span class="hidden"> mentions you</span></span>`
      }
      <${Badge} number=${room.unread} />
    </a>
  </li>`;
}

export function RoomList({ rooms, channelId, client, open }) {
  const [course, setCourse] = useState(null);
  const groups = grouped(rooms.items);
  return html`<nav class="rooms" aria-label="Channels">
    ${!channelId && html`<${Heading}>Messages<//>`}
    ${!rooms.ready && html`<${Sketch} lines=${4} />`}
    ${
      rooms.ready &&
      !groups.length &&
      html`<p class="muted">No channels yet. <a href=${to.courses()}>Find a course</a>: everybody in it talks here.</p>`
    }
    ${groups.map(
      (group) => html`<div key=${group.key} role="group" aria-labelledby=${`group-${group.key}`}>
        <div class="group-head">
          <h2 id=${`group-${group.key}`}><bdi>${group.title}</bdi></h2>
          ${
            group.key !== "direct" &&
            group.rooms[0].moderator &&
            html`<button
            type="button"
            class="icon"
            aria-label=${`Open a channel in ${group.title}`}
            title="Open a channel"
            onClick=${() => setCourse(group)}
          >
            <${Plus} size=${18} />
          </button>`
          }
        </div>
        <ul>
          ${group.rooms.map(
            (room) => html`<${Entry} key=${room.channel_id} room=${room} here=${room.channel_id === channelId} />`,
          )}
        </ul>
      </div>`,
    )}
    ${
      course &&
      html`<${NewChannel}
      client=${client}
      course=${course}
      closed=${() => setCourse(null)}
      opened=${async (id) => {
        await rooms.again();
        open(to.channel(id));
      }}
    />`
    }
  </nav>`;
}
