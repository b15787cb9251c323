// People to choose from while one types a name after an @. It must not know what the text is for.

import { Portrait } from "./chat_words.js";
import { html, useEffect, useId, useRef, useState } from "./html.js";

const PAUSE = 120; // milliseconds after a key
const BEGUN = /(?:^|\s)@([\p{L}\p{N}_.'-]{0,40})$/u;

// field: ref of a text area. find(prefix): async, { items }. put(begin, end, text, person): puts a text in.
// Returns what the field needs: shown (the list), attributes, pressed(event): whether the key was for the list,
// moved(), close().
export function useCompletion({ field, text, find, put }) {
  const [found, setFound] = useState(null); // { begin, end, items, at }
  const turn = useRef(0);
  const timer = useRef(null);
  const id = useId();
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (!text) close();
  }, [text]);

  function close() {
    turn.current += 1;
    clearTimeout(timer.current);
    setFound(null);
  }
  function moved() {
    const end = field.current.selectionStart;
    const begun = find && BEGUN.exec(field.current.value.slice(0, end));
    if (!begun) return close();
    const mine = ++turn.current;
    clearTimeout(timer.current);
    timer.current = setTimeout(async () => {
      const items = await find(begun[1]).catch(() => []);
      const begin = end - begun[1].length - 1;
      if (mine === turn.current) setFound(items.length ? { begin, end, items, at: 0 } : null);
    }, PAUSE);
    return undefined;
  }
  function choose(person) {
    put(found.begin, found.end, `@${person.display_name} `, person);
    close();
  }
  function pressed(event) {
    if (!found) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setFound({ ...found, at: (found.at + step + found.items.length) % found.items.length });
    else if (event.key === "Enter" || event.key === "Tab") choose(found.items[found.at]);
    else if (event.key === "Escape") close();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }
  const shown =
    found &&
    html`<ul class="completion" role="listbox" id=${id} aria-label="People">
      ${found.items.map(
        (person, index) => html`<li
          key=${person.user_id}
          id=${`${id}-${index}`}
          role="option"
          aria-selected=${index === found.at ? "true" : "false"}
          onPointerDown=${(event) => {
            event.preventDefault();
            choose(person);
          }}
        >
          <${Portrait} userId=${person.user_id} name=${person.display_name} small />
          <bdi>${person.display_name}</bdi>
        </li>`,
      )}
    </ul>`;
  const attributes = {
    "aria-autocomplete": "list",
    "aria-controls": found ? id : null,
    "aria-activedescendant": found ? `${id}-${found.at}` : null,
  };
  return { shown, attributes, pressed, moved, close };
}
