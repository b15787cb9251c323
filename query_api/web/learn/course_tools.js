// What the owner of a course, or an admin, does with it: publish, edit, archive, and see who is enrolled. It must not
// know how the course is shown to others.

import { Initials } from "./bar.js";
import { Dialog, Question } from "./dialogs.js";
import { html, useState } from "./html.js";
import { Pen, Person } from "./icons.js";
import { Failed, Sketch, useLoaded } from "./loading.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";
import { ago } from "./words.js";

const AT_ONCE = 200; // the most that the API gives
const STATES = {
  draft: "Nobody else can see this draft. Publish it, and everybody can find it and enrol.",
  published: "It is in the catalogue, and people can enrol.",
  archived: "Nobody can enrol any more. Whoever is in it keeps its channels.",
};

function Roster({ course, closed }) {
  const { client } = usePlace();
  const load = () => client.courses.roster(course.course_id, { limit: AT_ONCE });
  const { value, error, again } = useLoaded(load, [course.course_id]);
  return html`<${Dialog} title="Who is enrolled" closed=${closed}>
    ${error && html`<${Failed} error=${error} again=${again} what="The list" />`}
    ${!value && !error && html`<${Sketch} lines=${4} />`}
    ${value?.items.length === 0 && html`<p class="muted">Nobody yet.</p>`}
    ${
      value?.items.length > 0 &&
      html`<ul class="rows people">
        ${value.items.map(
          (one) =>
            html`<li key=${one.user_id} class="row">
              <${Initials} name=${one.display_name} />
              <span class="grow">${one.display_name ?? "Somebody who was erased"}</span>
              <time class="muted small" datetime=${one.enrolled_at}>${ago(one.enrolled_at)}</time>
            </li>`,
        )}
      </ul>`
    }
    ${value?.next_cursor && html`<p class="muted">These are the latest ${AT_ONCE}.</p>`}
    <form method="dialog" class="choices end"><button class="button">Close</button></form>
  <//>`;
}

function Archive({ course, changed, closed }) {
  const { client } = usePlace();
  const archive = async () => {
    await client.courses.archive(course.course_id);
    changed({ status: "archived" }, `“${course.title}” is archived.`);
  };
  return html`<${Question} title="Archive this course?" action="Archive" danger send=${archive} closed=${closed}>
    <p>It leaves the catalogue and nobody can enrol any more, for good. Whoever is in it keeps its channels.</p>
  <//>`;
}

export function Tools({ course, owner, put, again }) {
  const { client, say } = usePlace();
  const [open, setOpen] = useState(null);
  const [busy, setBusy] = useState(false);
  const close = () => setOpen(null);
  function changed(changes, sentence) {
    put((old) => ({ ...old, ...changes }));
    say(sentence);
    again();
  }
  async function publish() {
    setBusy(true);
    try {
      await client.courses.publish(course.course_id);
      changed({ status: "published" }, `“${course.title}” is published: everybody can find it now.`);
    } catch (error) {
      say(error.message, "bad");
    } finally {
      setBusy(false);
    }
  }
  return html`<section class="card tools" aria-labelledby="tools">
    <h2 id="tools">${owner ? "You teach this course" : "You are an admin"}</h2>
    <p class="muted">${STATES[course.status]}</p>
    <div class="choices">
      ${
        course.status === "draft" &&
        html`<button type="button" class="button main" disabled=${busy} onClick=${publish}>Publish</button>`
      }
      <a class="button" href=${to.edit(course.course_id)}><${Pen} size=${18} />Edit</a>
      <button type="button" class="button" onClick=${() => setOpen("roster")}>
        <${Person} size=${18} />Who is enrolled
      </button>
      ${
        course.status !== "archived" &&
        html`<button type="button" class="button danger" onClick=${() => setOpen("archive")}>Archive</button>`
      }
    </div>
    ${open === "roster" && html`<${Roster} course=${course} closed=${close} />`}
    ${open === "archive" && html`<${Archive} course=${course} changed=${changed} closed=${close} />`}
  </section>`;
}
