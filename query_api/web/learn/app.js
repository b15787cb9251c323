// The learner's page: who is signed in, which view is shown, and what all views share. It must not know how a view
// looks.

import { MimoClient } from "/web/mimo-client/mimo-client.js";
import { Away, useAway } from "./away.js";
import { Bar } from "./bar.js";
import { Catalogue } from "./catalogue.js";
import { Course } from "./course.js";
import { EditCourse, NewCourse } from "./course_form.js";
import { Entrance } from "./entrance.js";
import { Heading } from "./heading.js";
import { html, render, useEffect, useMemo, useRef, useState } from "./html.js";
import { Sketch } from "./loading.js";
import { Messages } from "./messages.js";
import { Mine } from "./mine.js";
import { Place } from "./place.js";
import { Rooms } from "./rooms.js";
import { go, routeOf, to, useRoute } from "./router.js";
import { Settings } from "./settings.js";
import { Toasts, useToasts } from "./toasts.js";

const RETRY = 2000; // milliseconds
const VIEWS = {
  courses: Catalogue,
  course: Course,
  new: NewCourse,
  edit: EditCourse,
  mine: Mine,
  messages: Messages,
  settings: Settings,
};
const PRIVATE = new Set(["new", "edit", "mine", "messages", "settings"]);
const ENTRANCES = new Set(["sign-in", "register"]);
const NOT_YET = undefined; // nobody knows yet who is signed in

const Nowhere = () =>
  html`<${Heading}>There is no such page<//>
    <p class="muted">The address is not complete, or what was here has another one now.</p>
    <p><a class="button main" href=${to.courses()}>To all courses</a></p>`;

// Who is signed in (null: nobody), and why one has to sign in again.
function useMe(settings, setAway) {
  const [me, setMe] = useState(NOT_YET);
  const [said, setSaid] = useState(null);
  const [, setTick] = useState(0);
  const rooms = useRef(null);
  const leave = (sentence) => {
    rooms.current?.stop();
    rooms.current = null;
    setMe(null);
    setSaid(sentence);
  };
  const ended = (sentence) => {
    leave(sentence);
    const { name, path } = routeOf(location.hash);
    if (!ENTRANCES.has(name)) go(to.signIn(path));
  };
  const client = useMemo(
    () => new MimoClient({ commands: settings.commands, ended, awayChanged: setAway }),
    [settings],
  );
  async function enter() {
    const person = await client.people.me();
    rooms.current = new Rooms(client);
    rooms.current.changed = () => setTick((tick) => tick + 1);
    rooms.current.start();
    client.live.start(); // also without a room: what happens to oneself, on any device, is heard
    setMe(person);
    setSaid(null);
  }
  useEffect(() => {
    async function resume() {
      try {
        if (await client.resume()) await enter();
        else setMe((known) => known ?? null);
      } catch (error) {
        if (error.name !== "Away") return leave(null);
        setAway({ ...client.api.away, command: error.message });
        setTimeout(resume, RETRY);
      }
    }
    resume();
  }, [client]);
  return { client, me, setMe, said, enter, leave, rooms: rooms.current };
}

// The view that somebody came from, if there is such a one.
const backTo = (path) => (path && routeOf(path).name ? `#${path}` : to.courses());

const NO_ROOMS = { items: [], total: 0, again() {} };

function Whole({ settings }) {
  const route = useRoute();
  const [away, setAway] = useAway(settings);
  const [toasts, say, close] = useToasts();
  const { client, me, setMe, said, enter, leave, rooms } = useMe(settings, setAway);
  const entering = ENTRANCES.has(route.name);
  const locked = me === null && PRIVATE.has(route.name);

  useEffect(() => {
    // Whoever has just signed out is on the way to another view already.
    if (locked && PRIVATE.has(routeOf(location.hash).name)) go(to.signIn(route.path), true);
    if (me && entering) go(backTo(route.query.get("back")), true);
  }, [me, locked, entering]);

  function signOut(sentence, everywhere = false) {
    client.signOut({ everywhere }); // nobody has to wait for its answer
    go(to.courses());
    leave(null);
    say(typeof sentence === "string" ? sentence : "You are signed out.");
  }
  const mayCreate = me && (settings.course_creators !== "instructors" || me.roles.some((role) => role !== "student"));
  const place = { client, me, rooms: rooms ?? NO_ROOMS, route, say, changed: setMe, signOut };
  const View = VIEWS[route.name] ?? Nowhere;
  const waiting = me === NOT_YET || locked || (me && entering);
  return html`<${Place.Provider} value=${place}>
    <${Bar} unread=${place.rooms.total} />
    <${Away} away=${away} />
    <main id="content" tabindex="-1" class=${`view ${route.name ?? "nowhere"}`} aria-busy=${waiting ? "true" : null}>
      ${
        waiting
          ? html`<${Sketch} lines=${2} cards=${3} />`
          : entering
            ? html`<${Entrance} enter=${enter} said=${said} />`
            : html`<${View} key=${`${route.name} ${me?.user_id}`} mayCreate=${mayCreate} />`
      }
    </main>
    <${Toasts} said=${toasts} close=${close} />
  <//>`;
}

async function begin() {
  const place = document.getElementById("app");
  try {
    const settings = await (await fetch("/web/where.json", { cache: "no-store" })).json();
    render(html`<${Whole} settings=${settings} />`, place);
  } catch {
    setTimeout(begin, RETRY);
  }
}

begin();
