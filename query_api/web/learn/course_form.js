// Writing a course down: a new one, or changes of one. It must not know how it is shown.

import { Field } from "./fields.js";
import { Fault, useForm } from "./forms.js";
import { Heading } from "./heading.js";
import { html } from "./html.js";
import { Failed, Sketch, useLoaded } from "./loading.js";
import { usePlace } from "./place.js";
import { go, to } from "./router.js";

const EMPTY = { title: "", description: "", tags: [], capacity: null };

// What the form says, as the API takes it.
const written = ({ title, description, tags, capacity }) => ({
  title: title.trim(),
  description,
  tags: tags
    .split(",")
    .map((tag) => tag.trim().replace(/\s+/g, " "))
    .filter(Boolean),
  capacity: capacity === "" ? null : Number(capacity),
});

function Form({ course, action, send, back }) {
  const form = useForm((fields) => send(written(fields)));
  const { wrong } = form;
  return html`<form class="card form" ref=${form.ref} onSubmit=${form.submitted} novalidate>
    <${Field}
      label="Title"
      name="title"
      defaultValue=${course.title}
      maxlength="200"
      autocomplete="off"
      fault=${wrong.title}
    />
    <${Field}
      label="Description"
      hint="What one learns, and for whom it is. **bold**, *italic*, \`code\`, lists and links are shown as such."
      name="description"
      defaultValue=${course.description}
      lines=${10}
      maxlength="10000"
      fault=${wrong.description}
    />
    <${Field}
      label="Tags"
      hint="Up to ten, with commas between them, such as: mathematics, beginners"
      name="tags"
      defaultValue=${course.tags.join(", ")}
      autocomplete="off"
      fault=${wrong.tags}
    />
    <${Field}
      label="Seats"
      hint="Leave it empty for as many as come."
      name="capacity"
      defaultValue=${course.capacity ?? ""}
      type="number"
      min="1"
      max="1000000"
      inputmode="numeric"
      fault=${wrong.capacity}
    />
    <${Fault} wrong=${wrong} />
    <div class="choices end">
      <a class="button" href=${back}>Cancel</a>
      <button class="button main" disabled=${form.busy}>${form.busy ? "Saving …" : action}</button>
    </div>
  </form>`;
}

export function NewCourse() {
  const { client, say } = usePlace();
  async function create(course) {
    const { course_id: id } = await client.courses.create(course);
    say("Your draft is saved. Nobody else can see it until you publish it.");
    go(to.course(id), true);
  }
  return html`<div class="head grow">
      <${Heading}>Create a course<//>
      <p class="muted">It begins as a draft with one channel to talk in.</p>
    </div>
    <${Form} course=${EMPTY} action="Save the draft" send=${create} back=${to.courses()} />`;
}

export function EditCourse() {
  const { client, route, say } = usePlace();
  const { value: course, error, again } = useLoaded(() => client.courses.get(route.id), [route.id]);
  async function change(changes) {
    await client.courses.change(route.id, changes);
    say("Your changes are saved.");
    go(to.course(route.id), true);
  }
  return html`<${Heading}>Edit the course<//>
    ${error && html`<${Failed} error=${error} again=${again} what="The course" />`}
    ${!course && !error && html`<${Sketch} lines=${6} />`}
    ${course && html`<${Form} course=${course} action="Save changes" send=${change} back=${to.course(route.id)} />`}`;
}
