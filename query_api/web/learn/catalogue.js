// The catalogue: courses by words and tag, which stand in the address; more of them as one scrolls. It must not know
// what one can do with a course.

import { CourseCard } from "./course_card.js";
import { Heading } from "./heading.js";
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { Book, Close, Plus, Search } from "./icons.js";
import { Empty, Failed, Sketch } from "./loading.js";
import { usePlace } from "./place.js";
import { amend, to } from "./router.js";
import { counted } from "./words.js";

const AT_ONCE = 24;
const MOST_AT_ONCE = 200; // of the API
const TAGS = 12;
const PAUSE = 250; // milliseconds after the last letter
const AGAIN = 3000;

const shelves = new Map(); // what was found for each question, so that who comes back finds the page as it was left

// The courses for a question; { items, next, error, busy, more, again }.
function useShelf(client, key, question) {
  const [shelf, setShelf] = useState(null);
  const asking = useRef(null);
  const shown = shelf?.key === key ? shelf : (shelves.get(key) ?? { key, items: null, next: null });

  async function ask(parameters, joined) {
    asking.current?.abort();
    const mine = (asking.current = new AbortController());
    const put = (changes) => mine.signal.aborted || setShelf({ ...shown, error: null, ...changes });
    put({ busy: true });
    try {
      const { items, next_cursor: next } = await client.courses.list({ ...question, ...parameters });
      if (mine.signal.aborted) return;
      shelves.set(key, { key, items: joined(items), next });
      setShelf(shelves.get(key));
    } catch (error) {
      put({ error });
    }
  }
  const limit = Math.min(MOST_AT_ONCE, Math.max(AT_ONCE, shown.items?.length ?? 0));
  const again = () => ask({ limit }, (items) => items);
  const more = () => ask({ limit: AT_ONCE, cursor: shown.next }, (items) => [...shown.items, ...items]);
  useEffect(() => {
    again();
    return () => asking.current.abort();
  }, [key]);
  useEffect(() => {
    if (shown.error?.name !== "Away") return undefined;
    const timer = setTimeout(shown.items ? more : again, AGAIN);
    return () => clearTimeout(timer);
  }, [shown.error]);
  return { ...shown, more, again };
}

// The words in the field; they become the question when nobody has typed for a moment.
function useWords(query) {
  const asked = query.get("q") ?? "";
  const [words, setWords] = useState(asked);
  const last = useRef(asked);
  useEffect(() => {
    if (asked !== last.current) setWords((last.current = asked)); // by a link, or the back button
  }, [asked]);
  const ask = () => {
    if (words.trim() === last.current) return;
    last.current = words.trim();
    amend(to.courses({ q: last.current, tag: query.get("tag") }));
  };
  useEffect(() => {
    const timer = setTimeout(ask, PAUSE);
    return () => clearTimeout(timer);
  }, [words]);
  return [words, setWords, ask];
}

// The tags that the courses in sight have most often; the chosen one comes first, and is taken off by a second click.
function Tags({ items, tag, q }) {
  const often = useMemo(() => {
    const times = new Map();
    for (const course of items ?? []) for (const one of course.tags) times.set(one, (times.get(one) ?? 0) + 1);
    times.delete(tag);
    return [...times].sort((a, b) => b[1] - a[1]).slice(0, TAGS);
  }, [items, tag]);
  if (!tag && !often.length) return null;
  return html`<nav class="tags" aria-label="Tags">
    ${
      tag &&
      html`<a class="tag chosen" href=${to.courses({ q })} aria-current="true">
        ${tag}<${Close} size=${14} /><span class="hidden"> (take this filter off)</span>
      </a>`
    }
    ${often.map(([one]) => html`<a key=${one} class="tag" href=${to.courses({ q, tag: one })}>${one}</a>`)}
  </nav>`;
}

// A button that is also pressed by being scrolled to.
function More({ more, busy }) {
  const button = useRef(null);
  const press = useRef(more);
  press.current = busy ? () => {} : more;
  useEffect(() => {
    const watch = new IntersectionObserver(([seen]) => seen.isIntersecting && press.current(), { rootMargin: "400px" });
    watch.observe(button.current);
    return () => watch.disconnect();
  }, []);
  return html`<button type="button" ref=${button} class="button more" disabled=${busy} onClick=${() => press.current()}>
    ${busy ? "Loading …" : "Show more"}
  </button>`;
}

function Nothing({ q, tag, mayCreate }) {
  if (q || tag)
    return html`<${Empty} icon=${html`<${Search} size=${28} />`} title="No course is like that">
      <p>Try fewer or other words${tag && ", or another tag"}.</p>
      <a class="button" href=${to.courses()}>Show all courses</a>
    <//>`;
  return html`<${Empty} icon=${html`<${Book} size=${28} />`} title="There is no course yet">
    <p>As soon as somebody publishes one, it is here.</p>
    ${mayCreate && html`<a class="button main" href=${to.new()}><${Plus} />Create the first one</a>`}
  <//>`;
}

export function Catalogue({ mayCreate }) {
  const { client, me, route } = usePlace();
  const [words, setWords, ask] = useWords(route.query);
  const [q, tag] = [route.query.get("q") ?? "", route.query.get("tag") ?? ""];
  const { items, next, error, busy, more, again } = useShelf(client, JSON.stringify([me?.user_id, q, tag]), { q, tag });
  const submitted = (event) => {
    event.preventDefault();
    ask();
  };
  return html`<div class="head">
      <div class="grow">
        <${Heading} title="Courses">${q || tag ? "Courses" : "What would you like to learn?"}<//>
        <p class="muted">Find a course, take a seat, and talk to everybody who is in it.</p>
      </div>
      ${mayCreate && html`<a class="button" href=${to.new()}><${Plus} />Create a course</a>`}
    </div>
    <form class="search" role="search" onSubmit=${submitted}>
      <${Search} />
      <label class="hidden" for="words">Search courses</label>
      <input
        id="words"
        type="search"
        placeholder="Search courses"
        autocomplete="off"
        enterkeyhint="search"
        maxlength="200"
        value=${words}
        onInput=${(event) => setWords(event.target.value)}
      />
    </form>
    <${Tags} items=${items} tag=${tag} q=${q} />
    <p class="hidden" role="status">
      ${items && (q || tag) && (items.length ? `${counted(items.length, "course")} found` : "No course found")}
    </p>
    ${error && html`<${Failed} error=${error} again=${items ? more : again} what="The catalogue" />`}
    ${items === null && !error && html`<${Sketch} lines=${0} cards=${6} />`}
    ${items?.length === 0 && html`<${Nothing} q=${q} tag=${tag} mayCreate=${mayCreate} />`}
    ${
      items?.length > 0 &&
      html`<ul class="cards">
        ${items.map((course) => html`<li key=${course.course_id}><${CourseCard} course=${course} q=${q} /></li>`)}
      </ul>`
    }
    ${items && next && !error && html`<${More} more=${more} busy=${busy} />`}`;
}
