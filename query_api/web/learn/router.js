// Which view the address names, and the addresses of views. They stand behind the # so that every one of them is the
// same page to the server: links, reloads and the back button work without it. It must not know how views look.

import { useEffect, useState } from "./html.js";

const ID = "([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})";
const VIEWS = [
  ["courses", "(?:/courses)?/?"],
  ["new", "/courses/new"],
  ["course", `/courses/${ID}`],
  ["edit", `/courses/${ID}/edit`],
  ["mine", "/my-courses"],
  ["messages", "/messages"],
  ["messages", `/channels/${ID}`],
  ["settings", "/settings"],
  ["sign-in", "/sign-in"],
  ["register", "/register"],
].map(([name, path]) => [name, new RegExp(`^${path}$`)]);

const asked = (path, query) => {
  const text = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
  return `#${path}${text && `?${text}`}`;
};

export const to = {
  courses: (query = {}) => asked("/courses", query),
  new: () => "#/courses/new",
  course: (id) => `#/courses/${id}`,
  edit: (id) => `#/courses/${id}/edit`,
  mine: () => "#/my-courses",
  messages: () => "#/messages",
  channel: (id) => `#/channels/${id}`,
  settings: () => "#/settings",
  signIn: (back) => asked("/sign-in", { back }),
  register: (back) => asked("/register", { back }),
};

// {name, id, query, path} of an address's part behind the #; name is null if there is no such view.
export function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?", 2);
  for (const [name, pattern] of VIEWS) {
    const found = pattern.exec(path);
    if (found) return { name, id: found[1] ?? null, query: new URLSearchParams(query), path };
  }
  return { name: null, id: null, query: new URLSearchParams(query), path };
}

const WAITED = 2000; // milliseconds, for a view to be as high as it was
const heights = new Map(); // how far down each entry of the history was left, by its number
let entry = null;
let arriving = false;

// Goes to a view; `instead`: the present one shall not be in the history.
export function go(address, instead = false) {
  if (instead) location.replace(address);
  else location.hash = address;
}

// The present view asks for something else now, without being entered anew.
export function amend(address) {
  history.replaceState(history.state, "", address);
  dispatchEvent(new Event("amended"));
}

// Whether somebody has just come here by a link: the first heading that asks takes the focus.
export function takeArrival() {
  const was = arriving;
  arriving = false;
  return was;
}

// Goes where the present view was left, if somebody came back to it, as soon as there is so much to scroll.
export function restoreHeight() {
  const [height, mine, begun] = [heights.get(entry) ?? 0, entry, performance.now()];
  heights.delete(entry);
  function look() {
    if (mine !== entry) return;
    const enough = document.documentElement.scrollHeight >= height + innerHeight;
    if (enough || performance.now() - begun > WAITED) scrollTo(0, height);
    else requestAnimationFrame(look);
  }
  if (height) requestAnimationFrame(look);
}

function entered() {
  if (history.state?.entry === undefined) {
    history.replaceState({ entry: crypto.getRandomValues(new Uint32Array(1))[0] }, "");
    scrollTo(0, 0);
  }
  entry = history.state.entry;
}

export function useRoute() {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    history.scrollRestoration = "manual";
    entered();
    setRoute(routeOf(location.hash)); // it may have changed since it was first read
    const changed = () => {
      heights.set(entry, scrollY);
      entered();
      arriving = true;
      setRoute(routeOf(location.hash));
    };
    const amended = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", changed);
    addEventListener("amended", amended);
    return () => {
      removeEventListener("hashchange", changed);
      removeEventListener("amended", amended);
    };
  }, []);
  return route;
}
