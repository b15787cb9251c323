// What moderators of a course look after: messages that were reported, and who cannot write for now. It must not know
// where it is shown, nor how a message is deleted or somebody is muted.

import { clock, dayOf, named } from "./chat_words.js";
import { html } from "./html.js";
import { Failed, Sketch, useLoaded } from "./loading.js";

const REASONS = { spam: "Advertising", abuse: "Abuse", off_topic: "Does not belong here", other: "Something else" };

// Open reports with what they are about, as it was when it was reported.
async function load(client, courseId) {
  const { items } = await client.moderation.reports(courseId, { status: "open" });
  const reports = await Promise.all(items.map((one) => client.moderation.report(one.report_id)));
  return { reports, mutes: (await client.moderation.mutes(courseId)).items };
}

function Reported({ report, nameOf, jump, resolve }) {
  const answer = (outcome, words) =>
    html`<button type="button" class="button small" onClick=${() => resolve(report, outcome)}>${words}</button>`;
  return html`<li class="card reported" data-report=${report.report_id}>
    <p class="muted small">
      <b>${REASONS[report.reason] ?? report.reason}</b> · ${dayOf(report.reported_at)} ${clock(report.reported_at)},
      by <bdi>${named(nameOf(report.reported_by))}</bdi>
    </p>
    <p class="said" dir="auto">
      <b><bdi>${named(nameOf(report.author_id))}</bdi></b>: ${report.text ?? "The text is gone with its author."}
    </p>
    <div class="choices">
      <button type="button" class="button small" onClick=${() => jump(report)}>Show</button>
      ${answer("removed", "Delete it")} ${answer("dismissed", "Nothing wrong")}
    </div>
  </li>`;
}

// jump(message): goes to it. say(sentence, kind).
export function Moderation({ client, room, nameOf, jump, say }) {
  const { value, error, again } = useLoaded(() => load(client, room.course_id), [room.course_id]);
  async function done(doing) {
    try {
      await doing();
    } catch (fault) {
      say(fault.message, "bad");
    }
    again();
  }
  const resolve = ({ channel_id, message_id, report_id }, outcome) =>
    done(async () => {
      if (outcome === "removed") await client.messages.delete(channel_id, message_id).catch(unlessGone);
      await client.moderation.resolve(channel_id, report_id, outcome);
    });
  const unmute = (userId) => done(() => client.moderation.unmute(room.course_id, userId));
  return html`<div class="panel-body">
    ${error && html`<${Failed} error=${error} again=${again} what="What was reported" />`}
    ${!value && !error && html`<${Sketch} lines=${3} />`}
    ${
      value &&
      html`<h3>Reported</h3>
        ${!value.reports.length && html`<p class="muted">Nothing waits for you.</p>`}
        <ul class="reports">
          ${value.reports.map(
            (one) =>
              html`<${Reported} key=${one.report_id} report=${one} nameOf=${nameOf} jump=${jump} resolve=${resolve} />`,
          )}
        </ul>
        <h3>Cannot write for now</h3>
        ${!value.mutes.length && html`<p class="muted">Nobody.</p>`}
        <ul class="members">
          ${value.mutes.map(
            (one) => html`<li key=${one.user_id}>
              <span class="who-is"><bdi>${named(one.display_name)}</bdi>
                <span class="muted small">${`until ${dayOf(one.until)} ${clock(one.until)}`}</span></span>
              <button type="button" class="button small" onClick=${() => unmute(one.user_id)}>Let them write</button>
            </li>`,
          )}
        </ul>`
    }
  </div>`;
}

// Somebody else was quicker.
function unlessGone(error) {
  if (error.code !== "not_found") throw error;
}
