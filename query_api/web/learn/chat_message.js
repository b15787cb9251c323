// One message: who, when, what; the reactions to it, and what one can do with it. It must not know the others, nor how
// anything is done.

import { Component } from "/web/vendor/preact.js";
import { Bin, Clock, Copy, Flag, More, Mute, Reply, Smile, Thread } from "./chat_icons.js";
import { Choice, EmojiPopup, emojiName, Popup } from "./chat_popup.js";
import { clock, enumerated, moment, named, Portrait } from "./chat_words.js";
import { html } from "./html.js";
import { Pen, Talk } from "./icons.js";
import { plain } from "./markdown.js";
import { MessageText } from "./message_text.js";
import { counted } from "./words.js";

const WIDE = 140; // characters of a message that is answered

// actions: what one can do: { may(message), react, reply, thread, edit, remove, report, history, mute, write }.
export class Message extends Component {
  shouldComponentUpdate(next) {
    return Object.keys(next).some((name) => next[name] !== this.props[name]);
  }

  render({ message, grouped, parent, me, nameOf, actions, flash, tabbable, inThread }) {
    const own = message.author_id === me.user_id;
    const name = named(nameOf(message.author_id));
    const mentioned = message.mentions.some(({ user_id }) => user_id === me.user_id);
    const look = ["message", own && "own", grouped && "grouped", mentioned && "mentioned", flash && "flash"];
    return html`<li
      class=${look.filter(Boolean).join(" ")}
      data-message=${message.message_id}
      data-number=${message.number}
      tabindex=${tabbable ? 0 : -1}
      aria-label=${`${name}, ${clock(message.sent_at)}`}
    >
      ${
        grouped
          ? html`<time class="margin" datetime=${message.sent_at} title=${moment(message.sent_at)}>
            ${clock(message.sent_at)}
          </time>`
          : html`<${Portrait} userId=${message.author_id} name=${nameOf(message.author_id)} />`
      }
      <div class="content">
        ${
          message.thread_id &&
          !inThread &&
          html`<${Answered} message=${message} parent=${parent} nameOf=${nameOf} actions=${actions} />`
        }
        ${!grouped && html`<${Head} message=${message} name=${name} own=${own} actions=${actions} />`}
        <${Body} message=${message} me=${me} nameOf=${nameOf} />
        <${Reactions} message=${message} me=${me} nameOf=${nameOf} actions=${actions} />
        ${
          message.reply_count > 0 &&
          !inThread &&
          html`<button type="button" class="replies" onClick=${() => actions.thread(message)}>
          <${Thread} size=${16} />${counted(message.reply_count, "reply", "replies")}
        </button>`
        }
      </div>
      ${
        !message.deleted &&
        html`<${Tools} message=${message} name=${name} own=${own} actions=${actions} inThread=${inThread} />`
      }
    </li>`;
  }
}

function Head({ message, name, own, actions }) {
  const at = html`<time datetime=${message.sent_at} title=${moment(message.sent_at)}>${clock(message.sent_at)}</time>`;
  const may = actions.may(message);
  if (own || !(may.write || may.mute))
    return html`<p class="by"><b><bdi>${name}</bdi></b>${own && html`<span class="hidden"> (you)</span>`} ${at}</p>`;
  return html`<p class="by">
    <${Popup} label=${name} icon=${html`<bdi>${name}</bdi>`} title=${`About ${name}`} className="author">
      ${(close) => html`<${PersonChoices} close=${close} message=${message} name=${name} actions=${actions} />`}
    <//>
    ${at}
  </p>`;
}

function PersonChoices({ close, message, name, actions }) {
  const may = actions.may(message);
  return html`${
    may.write &&
    html`<${Choice} close=${close} away icon=${html`<${Talk} />`} act=${() => actions.write(message.author_id)}>
    Message ${name}
  <//>`
  }
  ${
    may.mute &&
    html`<${Choice} close=${close} away icon=${html`<${Mute} />`} act=${() => actions.mute(message.author_id)}>
    Mute ${name} …
  <//>`
  }`;
}

function Answered({ message, parent, nameOf, actions }) {
  const said = parent?.text ? plain(parent.text, nameOf).slice(0, WIDE) : "an earlier message";
  const who = parent && named(nameOf(parent.author_id));
  return html`<button type="button" class="answered" onClick=${() => actions.thread(message)}>
    <${Reply} size=${14} /><span class="hidden">In reply to </span>${who && html`<b><bdi>${who}</bdi></b>`}
    <span class="said" dir="auto">${said}</span>
  </button>`;
}

function Body({ message, me, nameOf }) {
  if (message.deleted) return html`<p class="gone">This message was deleted.</p>`;
  if (message.text === null)
    return html`<p class="gone">Whoever wrote this has been erased, and what it said as well.</p>`;
  return html`<${MessageText} text=${message.text} nameOf=${nameOf} own=${me.user_id} />
    ${message.edited_at && html`<span class="edited" title=${moment(message.edited_at)}>edited</span>`}`;
}

function Reactions({ message, me, nameOf, actions }) {
  if (!message.reactions.length) return null;
  return html`<ul class="reactions" aria-label="Reactions">
    ${message.reactions.map(({ emoji, count, mine, user_ids }) => {
      const names = user_ids.slice(0, 8).map((id) => (id === me.user_id ? "you" : named(nameOf(id))));
      const who = enumerated(names, count);
      return html`<li key=${emoji}>
        <button
          type="button"
          class="reaction"
          aria-pressed=${mine ? "true" : "false"}
          title=${who}
          onClick=${() => actions.react(message, emoji, mine)}
        >
          <span aria-hidden="true">${emoji}</span><span aria-hidden="true">${count}</span>
          <span class="hidden">${`${emojiName(emoji)}, ${who}`}</span>
        </button>
      </li>`;
    })}
  </ul>`;
}

function Tools({ message, name, own, actions, inThread }) {
  const mine = (emoji) => message.reactions.some((one) => one.emoji === emoji && one.mine);
  const react = (emoji) => actions.react(message, emoji, mine(emoji));
  const may = actions.may(message);
  return html`<div class="tools-of" role="group" aria-label="What you can do with this message">
    <${EmojiPopup} label="React" icon=${html`<${Smile} size=${18} />`} choose=${react} />
    ${
      !inThread &&
      html`<button type="button" class="icon" aria-label="Reply" title="Reply" onClick=${() => actions.reply(message)}>
      <${Reply} size=${18} />
    </button>`
    }
    <${Popup} label="More" icon=${html`<${More} size=${18} />`}>
      ${(close) => {
        const choice = (icon, act, words, away = true, danger = false) =>
          html`<${Choice} close=${close} icon=${icon} act=${act} away=${away} danger=${danger}>${words}<//>`;
        return html`${!inThread && choice(html`<${Thread} />`, () => actions.thread(message), "Open the thread")}
        ${may.edit && choice(html`<${Pen} />`, () => actions.edit(message), "Edit")}
        ${choice(html`<${Copy} />`, () => actions.copy(message), "Copy the text", false)}
        ${may.write && choice(html`<${Talk} />`, () => actions.write(message.author_id), `Message ${name}`)}
        ${!own && choice(html`<${Flag} />`, () => actions.report(message), "Report …")}
        ${may.moderate && choice(html`<${Clock} />`, () => actions.history(message), "What it said before …")}
        ${may.mute && choice(html`<${Mute} />`, () => actions.mute(message.author_id), `Mute ${name} …`)}
        ${may.remove && choice(html`<${Bin} />`, () => actions.remove(message), "Delete …", true, true)}`;
      }}
    <//>
  </div>`;
}
