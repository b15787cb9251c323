// Shows what somebody wrote: the tree that markdown.js makes of it becomes elements, each of a kind that is written
// down here; text stays text. It must not know messages.

import { html, useMemo } from "./html.js";
import { parse } from "./markdown.js";

const SIGN = "\\p{Extended_Pictographic}(?:\\ufe0f|\\p{EMod})?";
const EMOJI_ONLY = new RegExp(`^(?:\\s*(?:\\p{RI}\\p{RI}|${SIGN}(?:\\u200d${SIGN})*)){1,4}\\s*$`, "u");

function Mention({ userId, nameOf, own }) {
  const name = nameOf(userId);
  const said = name === undefined ? "…" : (name ?? "somebody");
  return html`<span class=${userId === own ? "mention mine" : "mention"}>@<bdi>${said}</bdi></span>`;
}

// Where a link goes if its text claims another place.
function Link({ href, children }) {
  const text = children[0].text;
  const claimed = /^[\w-]+(?:\.[\w-]+)+|:\/\//.test(text) ? text.replace(/^\w+:\/\//, "").split(/[/?#]/)[0] : null;
  const url = new URL(href);
  const other = claimed !== null && claimed.toLowerCase() !== url.host && url.host;
  return html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow ugc" title=${href}>${text}</a>${
    other && html` <span class="place">(${url.host})</span>`
  }`;
}

function show(node, index, context) {
  const within = () => (node.children ?? []).map((child, n) => show(child, n, context));
  switch (node.type) {
    case "text":
      return node.text;
    case "break":
      return html`<br key=${index} />`;
    case "strong":
      return html`<strong key=${index}>${within()}</strong>`;
    case "em":
      return html`<em key=${index}>${within()}</em>`;
    case "del":
      return html`<del key=${index}>${within()}</del>`;
    case "link":
      return html`<${Link} key=${index} href=${node.href}>${node.children}<//>`;
    case "mention":
      return html`<${Mention} key=${index} userId=${node.userId} ...${context} />`;
    default:
      return html`<code key=${index}>${node.text}</code>`;
  }
}

function block(node, index, context) {
  const inside = (nodes) => nodes.map((child, n) => show(child, n, context));
  switch (node.type) {
    case "code":
      return html`<pre key=${index} tabindex="0"><code>${node.text}</code></pre>`;
    case "quote":
      return html`<blockquote key=${index}>${node.children.map((child, n) => block(child, n, context))}</blockquote>`;
    case "list": {
      const items = node.items.map((item, n) => html`<li key=${n}>${inside(item)}</li>`);
      if (node.ordered) return html`<ol key=${index} start=${node.start}>${items}</ol>`;
      return html`<ul key=${index}>${items}</ul>`;
    }
    default:
      return html`<p key=${index}>${inside(node.children)}</p>`;
  }
}

// text: of a message. nameOf(userId): a name, null or (not known yet) undefined. own: the reader's id.
export function MessageText({ text, nameOf, own }) {
  const tree = useMemo(() => parse(text), [text]);
  const big = text.length < 40 && EMOJI_ONLY.test(text);
  return html`<div class=${big ? "text big" : "text"} dir="auto">
    ${tree.map((node, index) => block(node, index, { nameOf, own }))}
  </div>`;
}
