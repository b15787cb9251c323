// Where one writes: a field that grows, what is answered or changed, people and emoji to put in, and how much room is
// left. It must not know how messages are sent.

import { useCompletion } from "./chat_completion.js";
import { Send, Smile } from "./chat_icons.js";
import { EmojiPopup } from "./chat_popup.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";
import { Close } from "./icons.js";

const MOST = 4000; // characters
const SAID_FROM = 3500;
const HINT = "**bold**  *italic*  ~~struck~~  `code`  > quote  @ for people  Shift + Enter for a new line";
const drafts = new Map(); // by place: what is not sent yet
const mentioned = new Map(); // by place: the ids of people by the names that stand in it

// Names stand in the field as @Name, and in the text as <@id>.
const toIds = (text, people) =>
  [...people]
    .sort(([one], [other]) => other.length - one.length)
    .reduce((said, [name, id]) => said.replaceAll(`@${name}`, `<@${id}>`), text);

export function toNames(text, nameOf, people) {
  return text.replace(/<@([0-9a-f-]{36})>/gi, (mark, id) => {
    const name = nameOf(id.toLowerCase());
    if (!name || (people.get(name) ?? id.toLowerCase()) !== id.toLowerCase()) return mark; // two of one name
    people.set(name, id.toLowerCase());
    return `@${name}`;
  });
}

// place: whose draft it is. label: of the field. send(text). typed(): at each key. above: said above the field, with
// cancel(): its end. editing: the text to change. find(prefix): async, people. lastOwn(): begins to change one's last.
export function Composer({
  place,
  label,
  send,
  typed,
  above,
  cancel,
  editing,
  nameOf,
  find,
  lastOwn,
  disabled,
  focusOn,
}) {
  const field = useRef(null);
  const people = useMemo(() => mentioned.get(place) ?? mentioned.set(place, new Map()).get(place), [place]);
  const [text, setText] = useState(drafts.get(place) ?? "");
  const completion = useCompletion({ field, text, find, put });

  useLayoutEffect(() => {
    if (editing === undefined) return;
    if (editing === null) setText(drafts.get(place) ?? "");
    else setText(toNames(editing, nameOf, people));
  }, [editing]);
  useEffect(() => {
    if (above && matchMedia("(hover: hover)").matches) field.current.focus();
  }, [above, editing]);
  useEffect(() => {
    if (focusOn && matchMedia("(hover: hover)").matches) field.current.focus();
  }, [focusOn]);
  useLayoutEffect(() => {
    const { style } = field.current;
    style.height = "auto";
    style.height = `${field.current.scrollHeight + 2}px`;
  }, [text]);

  function write(next) {
    setText(next);
    if (typeof editing !== "string") {
      if (next) drafts.set(place, next);
      else drafts.delete(place);
    }
  }
  // Puts a text in the place of a part of the field.
  function put(begin, end, given, person) {
    const other = person && (people.get(person.display_name) ?? person.user_id) !== person.user_id;
    const part = other ? `<@${person.user_id}> ` : given; // two of one name
    if (person && !other) people.set(person.display_name, person.user_id);
    const next = text.slice(0, begin) + part + text.slice(end);
    write(next);
    requestAnimationFrame(() => {
      field.current?.focus();
      field.current?.setSelectionRange(begin + part.length, begin + part.length);
    });
  }
  const said = toIds(text.trim(), people);
  const left = MOST - said.length;
  const action = typeof editing === "string" ? "Save" : "Send";
  const ready = said && left >= 0 && !disabled;

  function submitted(event) {
    event?.preventDefault();
    if (!ready) return;
    send(said);
    if (typeof editing !== "string") write(""); // what is changed stays until it is saved
    field.current.focus();
  }
  function pressed(event) {
    if (event.isComposing || completion.pressed(event)) return;
    const touch = matchMedia("(pointer: coarse)").matches && !matchMedia("(hover: hover)").matches;
    if (event.key === "Enter" && !event.shiftKey && !touch) submitted(event);
    else if (event.key === "Escape" && above) {
      event.preventDefault();
      event.stopPropagation();
      cancel();
    } else if (event.key === "ArrowUp" && !text && lastOwn) {
      event.preventDefault();
      lastOwn();
    }
  }
  function changed(event) {
    write(event.target.value);
    completion.moved();
    if (event.target.value.trim()) typed?.();
  }
  const choose = (emoji) => {
    const { selectionStart, selectionEnd } = field.current;
    put(selectionStart, selectionEnd, emoji);
  };
  return html`<form class="composer" onSubmit=${submitted}>
    ${completion.shown}
    ${
      above &&
      html`<p class="above">
      <span dir="auto">${above}</span>
      <button type="button" class="icon" aria-label="Cancel" title="Cancel" onClick=${cancel}>
        <${Close} size=${16} />
      </button>
    </p>`
    }
    <div class="field-row">
      <textarea
        ref=${field}
        rows="1"
        value=${text}
        placeholder=${label}
        aria-label=${label}
        dir="auto"
        enterkeyhint="send"
        disabled=${disabled}
        ...${completion.attributes}
        onInput=${changed}
        onKeyDown=${pressed}
        onClick=${completion.moved}
        onBlur=${completion.close}
      ></textarea>
      <${EmojiPopup} label="Insert an emoji" icon=${html`<${Smile} />`} choose=${choose} />
      <button
        type="submit"
        class="icon send"
        aria-label=${action}
        title=${action}
        aria-disabled=${ready ? null : "true"}
      >
        <${Send} />
      </button>
    </div>
    <p class="under">
      <span class="hint">${HINT}</span>
      ${
        said.length >= SAID_FROM &&
        html`<span class=${left < 0 ? "left over" : "left"} role="status">
        ${left < 0 ? `${-left} characters too long` : `${left} characters left`}
      </span>`
      }
    </p>
  </form>`;
}
