// What the text of a message means: a small subset of Markdown, read into a tree of plain objects in one pass.
// It must not know how the tree is shown; nothing in it is HTML.
//
// Blocks: paragraph, quote, list (ordered, start, items), code. In them: text, break, strong, em, del, code, link
// (href), mention (userId). Whatever is not understood is text.

import { inline } from "./markdown_inline.js";

const LONGEST = 20000; // characters that are read; more is text as it stands
const DEEPEST = 3; // quotes within quotes
const FENCE = /^ {0,3}```[^`]*$/;
const QUOTE = /^ {0,3}>(?: |$)/;
const BULLET = /^ {0,3}[-*+•] +(?=\S)/;
const NUMBER = /^ {0,3}(\d{1,6})[.)] +(?=\S)/;
const OVERRIDES = /[\u202d\u202e]/g; // they turn what follows around, and have no place in a conversation

export function parse(text, longest = LONGEST) {
  const clean = text.replace(OVERRIDES, "").replace(/\r\n?/g, "\n");
  if (clean.length > longest) return [{ type: "paragraph", children: [{ type: "text", text: clean }] }];
  return blocks(clean.split("\n"), 0);
}

function blocks(lines, depth) {
  const found = [];
  let fences = lines.some((line) => FENCE.test(line));
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    let end = at + 1;
    if (fences && FENCE.test(line)) {
      const close = closing(lines, at + 1);
      if (close !== null) {
        found.push({ type: "code", text: lines.slice(at + 1, close).join("\n") });
        at = close + 1;
        continue;
      }
      fences = false; // there is none further down, either
    }
    if (!line.trim()) {
      at = end;
      continue;
    }
    if (QUOTE.test(line) && depth < DEEPEST) {
      while (end < lines.length && QUOTE.test(lines[end])) end++;
      const inner = lines.slice(at, end).map((one) => one.replace(QUOTE, ""));
      found.push({ type: "quote", children: blocks(inner, depth + 1) });
    } else if (BULLET.test(line) || NUMBER.test(line)) {
      const mark = BULLET.test(line) ? BULLET : NUMBER;
      while (end < lines.length && mark.test(lines[end])) end++;
      found.push(list(lines.slice(at, end), mark));
    } else {
      while (end < lines.length && !begins(lines[end], fences, depth)) end++;
      found.push({ type: "paragraph", children: inline(lines.slice(at, end).join("\n")) });
    }
    at = end;
  }
  return found;
}

const begins = (line, fences, depth) =>
  !line.trim() ||
  (fences && FENCE.test(line)) ||
  (depth < DEEPEST && QUOTE.test(line)) ||
  BULLET.test(line) ||
  NUMBER.test(line);

function closing(lines, from) {
  for (let at = from; at < lines.length; at++) if (/^ {0,3}```\s*$/.test(lines[at])) return at;
  return null;
}

function list(lines, mark) {
  const ordered = mark === NUMBER;
  const start = ordered ? Number(NUMBER.exec(lines[0])[1]) : null;
  return { type: "list", ordered, start, items: lines.map((line) => inline(line.replace(mark, ""))) };
}

// The text alone, in one line, as previews say it. nameOf(userId): a name.
export function plain(text, nameOf) {
  const said = [];
  const collect = (node) => {
    if (node.type === "mention") said.push(`@${nameOf(node.userId) ?? "somebody"}`);
    else if (node.text !== undefined) said.push(node.text);
    for (const child of node.children ?? []) collect(child);
    for (const item of node.items ?? []) collect({ type: "paragraph", children: item });
    if (node.type === "break" || node.type === "paragraph") said.push(" ");
  };
  for (const block of parse(text)) collect({ type: "paragraph", children: [block] });
  return said.join("").replace(/\s+/g, " ").trim();
}
