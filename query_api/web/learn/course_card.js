// A course as it lies on a shelf. It must not know which shelf.

import { Badge } from "./bar.js";
import { Cover } from "./cover.js";
import { html } from "./html.js";
import { Seat } from "./icons.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";
import { seats } from "./words.js";

const SHOWN_TAGS = 3;

// What the course is to whoever looks, in a word: [word, kind], or null.
export function standing(course, me) {
  if (course.status === "draft") return ["Draft", "warn"];
  if (course.status === "archived") return ["Archived", "idle"];
  if (me && course.owner_id === me.user_id) return ["You teach it", "good"];
  if (course.cannot_enroll_reason === "already_enrolled") return ["Enrolled", "good"];
  return course.cannot_enroll_reason === "course_full" ? ["Full", "idle"] : null;
}

export const Standing = ({ course, me }) => {
  const found = standing(course, me);
  return found && html`<span class=${`standing ${found[1]}`}>${found[0]}</span>`;
};

// The description as one run of text: a card has no room for more.
const inOneRun = (text) =>
  text
    .replace(/[*_`>#~]+/g, "")
    .replace(/\s+/g, " ")
    .slice(0, 240);

// heading: its element, by how deep the card lies.
export function CourseCard({ course, unread = 0, q = "", heading = "h2" }) {
  const { me } = usePlace();
  return html`<article class="card course-card" data-course=${course.course_id}>
    <${Cover} id=${course.course_id} />
    <div class="body">
      <${Standing} course=${course} me=${me} />
      <${heading} dir="auto">
        <a href=${to.course(course.course_id)}>${course.title}</a>
        <${Badge} number=${unread} />
      <//>
      <p class="excerpt" dir="auto">${inOneRun(course.description)}</p>
      ${
        course.tags.length > 0 &&
        html`<p class="tags">
          ${course.tags
            .slice(0, SHOWN_TAGS)
            .map((tag) => html`<a key=${tag} class="tag" href=${to.courses({ q, tag })}>${tag}</a>`)}
        </p>`
      }
      <p class="facts"><${Seat} size=${18} />${seats(course)}</p>
    </div>
  </article>`;
}
