// Finding what was said, here or in all channels that one is in. It must not know how one gets to a message.

import { clock, dayOf, named, titleOf } from "./chat_words.js";
import { html, useEffect, useRef, useState } from "./html.js";
import { Failed } from "./loading.js";
import { plain } from "./markdown.js";

const PAUSE = 250; // milliseconds after a key
const SHOWN = 280; // characters

// show(message): goes to it.
export function Search({ client, rooms, channelId, nameOf, show }) {
  const [asked, setAsked] = useState({ q: "", everywhere: false });
  const [state, setState] = useState({ items: null, next: null, error: null });
  const field = useRef(null);
  const turn = useRef(0);
  useEffect(() => field.current.focus(), []);

  async function load(cursor = null) {
    const mine = ++turn.current;
    if (!asked.q.trim()) return setState({ items: null, next: null, error: null });
    try {
      const channel_id = asked.everywhere ? null : channelId;
      const { items, next_cursor } = await client.messages.search({ q: asked.q, channel_id, cursor });
      for (const { author_id, author_name } of items) client.names.learn(author_id, author_name);
      if (mine !== turn.current) return undefined;
      setState((old) => ({ items: cursor ? [...old.items, ...items] : items, next: next_cursor, error: null }));
    } catch (error) {
      if (mine === turn.current) setState((old) => ({ ...old, error }));
    }
    return undefined;
  }
  useEffect(() => {
    const timer = setTimeout(load, PAUSE);
    return () => clearTimeout(timer);
  }, [asked, channelId]);

  return html`<div class="panel-body">
    <input
      ref=${field}
      type="search"
      placeholder="What was said"
      aria-label="Search messages"
      value=${asked.q}
      onInput=${(event) => setAsked({ ...asked, q: event.target.value })}
    />
    <label class="check">
      <input
        type="checkbox"
        checked=${asked.everywhere}
        onChange=${(event) => setAsked({ ...asked, everywhere: event.target.checked })}
      />
      In all my channels
    </label>
    ${state.error && html`<${Failed} error=${state.error} again=${() => load()} what="What you look for" />`}
    <p class="hidden" role="status">${state.items && `${state.items.length} found`}</p>
    ${state.items && !state.items.length && html`<p class="muted">Nothing was found.</p>`}
    <ul class="found">
      ${state.items?.map((one) => {
        const room = rooms.get(one.channel_id);
        return html`<li key=${one.message_id}>
          <button type="button" onClick=${() => show(one)}>
            <span class="muted small"><b><bdi>${named(nameOf(one.author_id))}</bdi></b>
              ${asked.everywhere && room && html` in <bdi>${titleOf(room)}</bdi>`}
              ${` · ${dayOf(one.sent_at)} ${clock(one.sent_at)}`}</span>
            <span class="said" dir="auto">${plain(one.text ?? "", nameOf).slice(0, SHOWN)}</span>
          </button>
        </li>`;
      })}
    </ul>
    ${
      state.next &&
      html`<button type="button" class="button small" onClick=${() => load(state.next)}>Earlier ones</button>`
    }
  </div>`;
}
