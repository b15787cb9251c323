// What stands within a paragraph: emphasis, code, links and mentions, read from left to right once. It must not know
// blocks, nor how anything is shown.

const MARKS = { "**": "strong", __: "strong", "*": "em", _: "em", "~~": "del" };
const LINK = /\[([^[\]\n]{1,300})\]\(([^()\s<>[\]]{1,2000})\)/y;
const ADDRESS = /https?:\/\/[^\s<>"`\u0000-\u001f\u007f-\u009f]{1,2000}/iy;
const MENTION = /<@([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})>/iy;
const ORDINARY = /[^\\\n`<[hH*_~]+/y;
const TICKS = /`{1,3}/y;
const ESCAPABLE = /[\\`*_~[\]()<>#+\-.!|@]/;
const WORD = /[\p{L}\p{N}]/u;
const ALLOWED = new Set(["http:", "https:", "mailto:"]);
const ABSOLUTE = /^(?:https?:\/\/|mailto:)[^\s]/i;
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;
const SPACE = /^\s?$/;

// The address that a link may have; null if it may not be one.
export function safeAddress(text) {
  if (!ABSOLUTE.test(text) || HIDDEN.test(text)) return null;
  try {
    const url = new URL(text);
    return ALLOWED.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const at = (pattern, text, index) => {
  pattern.lastIndex = index;
  return pattern.exec(text);
};

export function inline(text) {
  return new Reading(text).nodes();
}

class Reading {
  #text;
  #index = 0;
  #plain = [];
  #open = [{ mark: null, children: [] }]; // what is not closed yet; each kind at most once, so it stays shallow
  #unclosed = new Set(); // ticks that are not closed further on

  constructor(text) {
    this.#text = text;
  }

  nodes() {
    while (this.#index < this.#text.length) this.#step();
    while (this.#open.length > 1) this.#giveUp();
    this.#flush();
    return this.#open[0].children;
  }

  #step() {
    const ordinary = at(ORDINARY, this.#text, this.#index);
    if (ordinary) {
      this.#plain.push(ordinary[0]);
      this.#index += ordinary[0].length;
      return;
    }
    const character = this.#text[this.#index];
    const special =
      (character === "\\" && this.#escape()) ||
      (character === "\n" && this.#add({ type: "break" }, 1)) ||
      (character === "`" && this.#code()) ||
      (character === "<" && this.#mention()) ||
      (character === "[" && this.#link()) ||
      ((character === "h" || character === "H") && this.#address()) ||
      ("*_~".includes(character) && this.#emphasis());
    if (special) return;
    this.#plain.push(character);
    this.#index++;
  }

  #add(node, length) {
    this.#flush();
    this.#open.at(-1).children.push(node);
    this.#index += length;
    return true;
  }

  #flush() {
    if (!this.#plain.length) return;
    this.#open.at(-1).children.push({ type: "text", text: this.#plain.join("") });
    this.#plain = [];
  }

  #escape() {
    const next = this.#text[this.#index + 1] ?? "";
    if (!ESCAPABLE.test(next)) return false;
    this.#plain.push(next);
    this.#index += 2;
    return true;
  }

  #code() {
    const [ticks] = at(TICKS, this.#text, this.#index);
    const begin = this.#index + ticks.length;
    const end = this.#unclosed.has(ticks) ? -1 : this.#text.indexOf(ticks, begin);
    if (end === -1) this.#unclosed.add(ticks);
    if (end <= begin) {
      this.#plain.push(ticks);
      this.#index = begin;
      return true;
    }
    const text = this.#text.slice(begin, end).replace(/\n/g, " ");
    return this.#add({ type: "code", text }, end + ticks.length - this.#index);
  }

  #mention() {
    const found = at(MENTION, this.#text, this.#index);
    return found && this.#add({ type: "mention", userId: found[1].toLowerCase() }, found[0].length);
  }

  #link() {
    const found = at(LINK, this.#text, this.#index);
    const href = found && safeAddress(found[2]);
    return href && this.#add({ type: "link", href, children: [{ type: "text", text: found[1] }] }, found[0].length);
  }

  #address() {
    if (WORD.test(this.#text[this.#index - 1] ?? "")) return false;
    const found = at(ADDRESS, this.#text, this.#index);
    if (!found) return false;
    const address = trimmed(found[0]);
    const href = safeAddress(address);
    if (href) return this.#add({ type: "link", href, children: [{ type: "text", text: address }] }, address.length);
    this.#plain.push(found[0]); // it is none, and no part of it is one
    this.#index += found[0].length;
    return true;
  }

  #emphasis() {
    const character = this.#text[this.#index];
    const inner = this.#open.at(-1).mark === character && this.#text[this.#index + 2] === character; // ***both***
    const double = this.#text[this.#index + 1] === character && !inner;
    const mark = double ? character + character : character;
    if (!MARKS[mark]) return false;
    const before = this.#text[this.#index - 1] ?? "";
    const after = this.#text[this.#index + mark.length] ?? "";
    const opened = this.#open.findLastIndex((one) => one.mark === mark);
    const inWord = (side) => !double && WORD.test(side); // snake_case and 2*3*4 are no emphasis
    const empty = opened === this.#open.length - 1 && !this.#plain.length && !this.#open[opened].children.length;
    if (opened > 0 && !empty && !SPACE.test(before) && !inWord(after)) return this.#close(opened, mark);
    if (opened > 0 || SPACE.test(after) || inWord(before)) return false;
    this.#flush();
    this.#open.push({ mark, children: [] });
    this.#index += mark.length;
    return true;
  }

  #close(opened, mark) {
    while (this.#open.length - 1 > opened) this.#giveUp();
    this.#flush();
    const { children } = this.#open.pop();
    return this.#add({ type: MARKS[mark], children }, mark.length);
  }

  // What was opened last is never closed: its mark is text.
  #giveUp() {
    this.#flush();
    const { mark, children } = this.#open.pop();
    const parent = this.#open.at(-1).children;
    parent.push({ type: "text", text: mark });
    for (const child of children) parent.push(child);
  }
}

const ENDING = /[.,:;!?'"*_~\]]$/;

// An address without what follows it in a sentence, a bracket that it does not open included.
function trimmed(address) {
  let text = address;
  let open = count(text, "(") - count(text, ")");
  while (ENDING.test(text) || (text.endsWith(")") && open < 0)) {
    if (text.endsWith(")")) open += 1;
    text = text.slice(0, -1);
  }
  return text;
}

const count = (text, character) => text.split(character).length - 1;
