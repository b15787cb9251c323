// My courses: those that one is enrolled in and those that one teaches, with what is unread in each. It must not know
// how messages are shown.

import { CourseCard } from "./course_card.js";
import { Heading } from "./heading.js";
import { html, useEffect, useState } from "./html.js";
import { Book, Plus, Shelf } from "./icons.js";
import { Empty, Failed, Sketch, useLoaded } from "./loading.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";

const AT_ONCE = 50;
const MOST_TAUGHT = 60;

// The enrolled ones a page at a time; those that one teaches are known by their channels.
async function courses(client, me) {
  const [mine, channels] = await Promise.all([client.courses.mine({ limit: AT_ONCE }), client.channels.mine()]);
  const enrolled = new Set(mine.items.map((course) => course.course_id));
  const others = new Set(channels.items.map((room) => room.course_id).filter((id) => id && !enrolled.has(id)));
  const found = await Promise.all([...others].slice(0, MOST_TAUGHT).map((id) => client.courses.get(id)));
  return { enrolled: mine, taught: found.filter((course) => course.owner_id === me.user_id) };
}

// How much is unread in each course.
function unreadByCourse(rooms) {
  const sums = new Map();
  for (const { course_id: id, unread } of rooms.items) if (id) sums.set(id, (sums.get(id) ?? 0) + unread);
  return sums;
}

const Cards = ({ items, unread }) =>
  html`<ul class="cards">
    ${items.map(
      (course) =>
        html`<li key=${course.course_id}>
          <${CourseCard} course=${course} unread=${unread.get(course.course_id) ?? 0} heading="h3" />
        </li>`,
    )}
  </ul>`;

function Enrolled({ first, unread }) {
  const { client, say } = usePlace();
  const [{ items, next_cursor: next }, setPage] = useState(first);
  useEffect(() => setPage(first), [first]);
  const more = async () => {
    try {
      const page = await client.courses.mine({ limit: AT_ONCE, cursor: next });
      setPage({ items: [...items, ...page.items], next_cursor: page.next_cursor });
    } catch (error) {
      say(error.message, "bad");
    }
  };
  return html`<${Cards} items=${items} unread=${unread} />
    ${next && html`<button type="button" class="button more" onClick=${more}>Show more</button>`}`;
}

export function Mine({ mayCreate }) {
  const { client, me, rooms } = usePlace();
  const { value, error, again } = useLoaded(() => courses(client, me), [me.user_id]);
  const unread = unreadByCourse(rooms);
  const nothing = value && !value.enrolled.items.length && !value.taught.length;
  return html`<div class="head">
      <${Heading}>My courses<//>
      ${mayCreate && html`<a class="button" href=${to.new()}><${Plus} />Create a course</a>`}
    </div>
    ${error && html`<${Failed} error=${error} again=${again} what="Your courses" />`}
    ${!value && !error && html`<${Sketch} lines=${0} cards=${3} />`}
    ${
      nothing &&
      html`<${Empty} icon=${html`<${Shelf} size=${28} />`} title="You are in no course yet">
        <p>Whatever you enrol in stands here, with what is new in it.</p>
        <a class="button main" href=${to.courses()}><${Book} />Find a course</a>
      <//>`
    }
    ${
      value?.taught.length > 0 &&
      html`<section class="shelf" aria-labelledby="taught">
        <h2 class="shelf-name" id="taught">You teach</h2>
        <${Cards} items=${value.taught} unread=${unread} />
      </section>`
    }
    ${
      value?.enrolled.items.length > 0 &&
      html`<section class="shelf" aria-labelledby="enrolled">
        <h2 class="shelf-name" id="enrolled">You are enrolled in</h2>
        <${Enrolled} first=${value.enrolled} unread=${unread} />
      </section>`
    }`;
}
