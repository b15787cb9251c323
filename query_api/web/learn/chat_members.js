// Who is in a channel, and who of them is here now. It must not know where it is shown.

import { Portrait, named } from "./chat_words.js";
import { html, useEffect, useState } from "./html.js";
import { Talk } from "./icons.js";
import { Failed } from "./loading.js";
import { counted } from "./words.js";

const PAUSE = 200; // milliseconds after a key

// here: the ids of who is here, or null; count: how many those are. write(userId): opens a conversation, or null.
export function Members({ client, room, me, here, write }) {
  const [wanted, setWanted] = useState("");
  const [state, setState] = useState({ items: null, next: null, error: null });
  const said = (one) => [one.owner && "Teaches", one.user_id === me.user_id && "You"].filter(Boolean).join(" · ");
  const present = new Set(here?.here ?? []);

  async function load(cursor = null) {
    try {
      const { items, next_cursor } = await client.channels.members(room.channel_id, { q: wanted, cursor, limit: 100 });
      setState((old) => ({ items: cursor ? [...old.items, ...items] : items, next: next_cursor, error: null }));
    } catch (error) {
      setState((old) => ({ ...old, error }));
    }
  }
  useEffect(() => {
    const timer = setTimeout(load, wanted ? PAUSE : 0);
    return () => clearTimeout(timer);
  }, [wanted, room.channel_id]);

  const people = [...(state.items ?? [])].sort((one, other) => present.has(other.user_id) - present.has(one.user_id));
  return html`<div class="panel-body">
    <input
      type="search"
      placeholder="Find somebody"
      aria-label="Find somebody"
      value=${wanted}
      onInput=${(event) => setWanted(event.target.value)}
    />
    ${here && html`<p class="muted small">${counted(here.count, "person is", "people are")} here now.</p>`}
    ${state.error && html`<${Failed} error=${state.error} again=${() => load()} what="Who is here" />`}
    <ul class="members">
      ${people.map((one) => {
        const name = named(one.display_name);
        const isHere = present.has(one.user_id);
        return html`<li key=${one.user_id} data-here=${isHere ? "" : null}>
          <span class="face">
            <${Portrait} userId=${one.user_id} name=${one.display_name} />
            ${isHere && html`<span class="dot"><span class="hidden">here now</span></span>`}
          </span>
          <span class="who-is"><bdi>${name}</bdi>
            <span class="muted small">${said(one)}</span>
          </span>
          ${
            write &&
            one.user_id !== me.user_id &&
            html`<button
              type="button"
              class="icon"
              aria-label=${`Message ${name}`}
              title=${`Message ${name}`}
              onClick=${() => write(one.user_id)}
            >
            <${Talk} />
          </button>`
          }
        </li>`;
      })}
    </ul>
    ${state.next && html`<button type="button" class="button small" onClick=${() => load(state.next)}>More</button>`}
  </div>`;
}
