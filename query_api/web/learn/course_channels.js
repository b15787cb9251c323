// The channels of a course, with what is unread, for those who are in it; whoever leads it opens more. It must not
// know how messages are shown.

import { Badge } from "./bar.js";
import { Question } from "./dialogs.js";
import { Field } from "./fields.js";
import { html, useState } from "./html.js";
import { Hash, Next, Plus } from "./icons.js";
import { Failed, Sketch, useLoaded } from "./loading.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";
import { counted } from "./words.js";

function Channel({ channel, room }) {
  return html`<li>
    <a class="row" href=${to.channel(channel.channel_id)}>
      <${Hash} />
      <span class="grow"><b>${channel.name}</b></span>
      <${Badge} number=${room?.unread ?? 0} />
      <span class="muted small">
        ${channel.message_count ? counted(channel.message_count, "message") : "No messages yet"}
      </span>
      <${Next} size=${18} />
    </a>
  </li>`;
}

function Opening({ course, again, closed }) {
  const { client, rooms, say } = usePlace();
  async function open({ name }) {
    await client.channels.open(course.course_id, name);
    say(`The channel “${name}” is open.`);
    rooms.again();
    again();
  }
  return html`<${Question} title="Open a channel" action="Open it" send=${open} closed=${closed}>
    ${(wrong) =>
      html`<${Field}
        label="Name"
        hint="What it is for, such as “Homework”. Everybody in the course can read and write there."
        name="name"
        maxlength="80"
        autocomplete="off"
        required
        fault=${wrong.name}
      />`}
  <//>`;
}

export function Channels({ course, owner }) {
  const { client, rooms } = usePlace();
  const [opening, setOpening] = useState(false);
  const { value, error, again } = useLoaded(() => client.channels.ofCourse(course.course_id), [course.course_id]);
  const room = (channel) => rooms.items.find((one) => one.channel_id === channel.channel_id);
  return html`<section class="card" aria-labelledby="channels">
    <div class="card-head">
      <h2 id="channels">Channels</h2>
      ${
        owner &&
        html`<button type="button" class="button small" onClick=${() => setOpening(true)}>
          <${Plus} size=${18} />Open a channel
        </button>`
      }
    </div>
    ${error && html`<${Failed} error=${error} again=${again} what="The channels" />`}
    ${!value && !error && html`<${Sketch} lines=${2} />`}
    ${
      value &&
      html`<ul class="rows">
        ${value.items.map((one) => html`<${Channel} key=${one.channel_id} channel=${one} room=${room(one)} />`)}
      </ul>`
    }
    ${opening && html`<${Opening} course=${course} again=${again} closed=${() => setOpening(false)} />`}
  </section>`;
}
