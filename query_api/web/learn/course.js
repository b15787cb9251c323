// A course: what it is, whether there is a seat, its channels for those who are in it, and its tools for those who
// lead it. It must not know how a course is written down (course_form.js), nor how one talks in it.

import { Standing } from "./course_card.js";
import { Cover } from "./cover.js";
import { Tools } from "./course_tools.js";
import { Channels } from "./course_channels.js";
import { Question } from "./dialogs.js";
import { Heading } from "./heading.js";
import { html, useState } from "./html.js";
import { Seat, Talk } from "./icons.js";
import { Failed, Sketch, useLoaded } from "./loading.js";
import { MessageText } from "./message_text.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";
import { counted, day, seats, WHY_NOT } from "./words.js";

// What a course looks like right after one took a seat, or gave it back; what the API says of it comes a moment later.
function moved(course, by) {
  const left = course.seats_left === null ? null : course.seats_left - by;
  const reason = by > 0 ? "already_enrolled" : course.status === "published" ? null : "course_not_open";
  return {
    ...course,
    enrolled_count: course.enrolled_count + by,
    seats_left: left,
    can_enroll: reason === null,
    cannot_enroll_reason: reason,
  };
}

function Enrol({ course, put, again }) {
  const { client, route, rooms, say } = usePlace();
  const [busy, setBusy] = useState(false);
  async function enrol() {
    setBusy(true);
    try {
      await client.courses.enrol(course.course_id);
      put((old) => moved(old, 1));
      say(`You are in “${course.title}”.`);
      rooms.again();
    } catch (error) {
      say(error.message, "bad");
    } finally {
      setBusy(false);
      again();
    }
  }
  if (course.can_enroll)
    return html`<button type="button" class="button main wide" disabled=${busy} onClick=${enrol}>
      ${busy ? "Enrolling …" : "Enrol"}
    </button>`;
  const [what, then] = WHY_NOT[course.cannot_enroll_reason] ?? ["You cannot enrol at present.", ""];
  if (course.cannot_enroll_reason === "unauthenticated")
    return html`<a class="button main wide" href=${to.signIn(route.path)}>Sign in to enrol</a>
      <p class="muted small">No account yet? <a href=${to.register(route.path)}>Create one</a>, it is quick.</p>`;
  return html`<p class="notice"><b>${what}</b> ${then}</p>`;
}

function Leave({ course, put, again }) {
  const { client, rooms, say } = usePlace();
  const [asking, setAsking] = useState(false);
  async function leave() {
    await client.courses.leave(course.course_id);
    put((old) => moved(old, -1));
    say(`You have left “${course.title}”.`);
    rooms.again();
    again();
  }
  return html`<button type="button" class="button wide" onClick=${() => setAsking(true)}>Leave this course</button> ${
      asking &&
      html`<${Question} title="Leave this course?" action="Leave" danger send=${leave} closed=${() => setAsking(false)}>
        <p>
          Your seat is free for somebody else at once, and you cannot read its channels any more. What you wrote stays
          there.
        </p>
        ${course.seats_left === 0 && html`<p>The course is full: you may not get a seat again.</p>`}
      <//>`
    }`;
}

function Aside({ course, owner, member, put, again }) {
  const { me, rooms } = usePlace();
  const first = rooms.items.find((room) => room.course_id === course.course_id);
  return html`<aside class="card seat" aria-label="Your seat">
    <p class="facts"><${Seat} />${seats(course)}</p>
    ${
      member
        ? html`${
            first &&
            html`<a class="button main wide" href=${to.channel(first.channel_id)}><${Talk} />Go to the channels</a>`
          }
          ${!owner && html`<${Leave} course=${course} put=${put} again=${again} />`}`
        : html`<${Enrol} course=${course} put=${put} again=${again} />`
    }
    ${me && owner && html`<p class="muted small">You teach this course, so you need no seat.</p>`}
  </aside>`;
}

const nobody = () => null; // a description mentions no one

function About({ course }) {
  const { client, me } = usePlace();
  const teacher = useLoaded(
    async () => (me ? client.people.get(course.owner_id) : null),
    [course.owner_id, me?.user_id],
  );
  return html`<section class="about" aria-labelledby="about">
    <h2 id="about">About this course</h2>
    ${
      course.description.trim()
        ? html`<div class="prose"><${MessageText} text=${course.description} nameOf=${nobody} /></div>`
        : html`<p class="muted">Nothing was written about it yet.</p>`
    }
    <p class="muted small">
      ${teacher.value?.display_name && html`By ${teacher.value.display_name}, `}since ${day(course.created_at)}
      ${course.enrolled_count > 0 && `, ${counted(course.enrolled_count, "person", "people")} enrolled`}
    </p>
  </section>`;
}

function Shown({ course, put, again }) {
  const { me, rooms } = usePlace();
  const owner = course.owner_id === me?.user_id;
  const leads = owner || me?.roles.includes("admin");
  // An archived course says that it is not open, whether one is in it or not: then the rooms tell.
  const room = rooms.items.some((one) => one.course_id === course.course_id);
  const member = owner || room || (me && course.cannot_enroll_reason === "already_enrolled");
  return html`<header class="course-head">
      <${Cover} id=${course.course_id} />
      <div class="title">
        <${Standing} course=${course} me=${me} />
        <${Heading} dir="auto">${course.title}<//>
        ${
          course.tags.length > 0 &&
          html`<p class="tags">
            ${course.tags.map((tag) => html`<a key=${tag} class="tag" href=${to.courses({ tag })}>${tag}</a>`)}
          </p>`
        }
      </div>
    </header>
    <div class="course-body">
      <div class="course-main">
        ${leads && html`<${Tools} course=${course} owner=${owner} put=${put} again=${again} />`}
        ${member && html`<${Channels} course=${course} owner=${owner} />`}
        <${About} course=${course} />
      </div>
      <${Aside} course=${course} owner=${owner} member=${member} put=${put} again=${again} />
    </div>`;
}

export function Course() {
  const { client, me, route } = usePlace();
  const { value, error, put, again } = useLoaded(() => client.courses.get(route.id), [route.id, me?.user_id]);
  if (value) return html`<${Shown} key=${route.id} course=${value} put=${put} again=${again} />`;
  if (!error) return html`<${Sketch} lines=${5} />`;
  if (error.code !== "not_found" && error.code !== "invalid_request")
    return html`<${Heading} title="Course">This course<//
      ><${Failed} error=${error} again=${again} what="The course" />`;
  return html`<${Heading}>There is no such course<//>
    <p class="muted">Perhaps it is a draft that only its owner can see, or the address is not complete.</p>
    <p><a class="button main" href=${to.courses()}>To all courses</a></p>`;
}
