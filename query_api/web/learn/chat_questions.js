// What the chat asks before it does something: a new channel, another name, a report, a mute, a deletion; and what a
// message said before. It must not know where it is asked.

import { clock, dayOf, named } from "./chat_words.js";
import { Dialog, Question } from "./dialogs.js";
import { Field } from "./fields.js";
import { html } from "./html.js";
import { Failed, Sketch, useLoaded } from "./loading.js";

const LINE = { maxlength: 80, autocomplete: "off", required: true };
const HINT = "What it is for, such as “Homework”. Everybody in the course can read and write there.";

export function NewChannel({ client, course, opened, closed }) {
  async function send({ name }) {
    const { channel_id } = await client.channels.open(course.key, name);
    await opened(channel_id);
  }
  return html`<${Question} title=${`Open a channel in ${course.title}`} action="Open it" send=${send} closed=${closed}>
    ${(wrong) => html`<${Field} label="Name" hint=${HINT} name="name" fault=${wrong.name} ...${LINE} />`}
  <//>`;
}

export function RenameChannel({ client, room, closed }) {
  const send = ({ name }) => client.channels.rename(room.channel_id, name);
  return html`<${Question} title="Another name for this channel" action="Rename" send=${send} closed=${closed}>
    ${(wrong) => html`<${Field} label="Name" name="name" value=${room.name} fault=${wrong.name} ...${LINE} />`}
  <//>`;
}

export function DeleteMessage({ client, message, own, closed }) {
  const send = () => client.messages.delete(message.channel_id, message.message_id);
  return html`<${Question} title="Delete this message?" action="Delete" danger send=${send} closed=${closed}>
    <p>${own ? "Nobody" : "Nobody in this channel"} will be able to read it any more.</p>
  <//>`;
}

const REASONS = [
  ["spam", "Advertising, or the same again and again"],
  ["abuse", "It insults, threatens or harasses somebody"],
  ["off_topic", "It does not belong here"],
  ["other", "Something else"],
];

export function ReportMessage({ client, message, say, closed }) {
  async function send({ reason }) {
    await client.messages.report(message.channel_id, message.message_id, reason);
    say("Thank you. Those who look after this channel will see your report.");
  }
  return html`<${Question} title="Report this message" action="Report" send=${send} closed=${closed}>
    <fieldset class="reasons">
      <legend>What is wrong with it?</legend>
      ${REASONS.map(
        ([value, words], index) =>
          html`<label key=${value}>
            <input type="radio" name="reason" value=${value} defaultChecked=${index === 0} />${words}
          </label>`,
      )}
    </fieldset>
  <//>`;
}

const SPANS = [
  [10, "10 minutes"],
  [60, "an hour"],
  [1440, "a day"],
  [10080, "a week"],
];

export function MuteMember({ client, courseId, userId, name, say, closed }) {
  async function send({ minutes }) {
    await client.moderation.mute(courseId, userId, Number(minutes));
    say(`${name} cannot write in this course for ${SPANS.find(([value]) => value === Number(minutes))[1]}.`);
  }
  return html`<${Question} title=${`Mute ${name}`} action="Mute" send=${send} closed=${closed}>
    <p class="muted">They can go on reading, in all channels of this course. It ends by itself.</p>
    <div class="field">
      <label for="mute-for">For how long</label>
      <select id="mute-for" name="minutes">
        ${SPANS.map(([value, words]) => html`<option key=${value} value=${value}>${words}</option>`)}
      </select>
    </div>
  <//>`;
}

const WHAT = { MessageSent: "wrote", MessageEdited: "changed it to", MessageDeleted: "deleted it" };

export function MessageHistory({ client, message, nameOf, closed }) {
  const load = () => client.messages.history(message.channel_id, message.message_id);
  const { value, error, again } = useLoaded(load, [message.message_id]);
  return html`<${Dialog} title="What it said before" closed=${closed}>
    ${error && html`<${Failed} error=${error} again=${again} what="Its history" />`}
    ${!value && !error && html`<${Sketch} lines=${3} />`}
    <ol class="versions">
      ${value?.items.map(
        (one) => html`<li key=${one.seq}>
          <p class="muted small">
            <b><bdi>${named(nameOf(one.user_id))}</bdi></b> ${WHAT[one.event] ?? one.event},
            ${` ${dayOf(one.at)} ${clock(one.at)}`}
          </p>
          ${
            one.event !== "MessageDeleted" &&
            html`<p class="said" dir="auto">${one.text ?? "The text is gone with its author."}</p>`
          }
        </li>`,
      )}
    </ol>
    <form method="dialog" class="choices end"><button class="button main">Close</button></form>
  <//>`;
}
