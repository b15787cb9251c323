// What is fetched to be shown: the first time with a sketch of it in its place, later with the old in sight; what
// cannot be had is said, with a way to ask again. It must not know what is fetched.

import { useCallback, useEffect, useRef, useState } from "./html.js";
import { html } from "./html.js";
import { Warning } from "./icons.js";
import { sentence } from "./words.js";

const AGAIN = 3000; // milliseconds, while an API is away

// load(): async. Asked again when a key changes. Returns { value, error, again, put }.
export function useLoaded(load, keys) {
  const [state, setState] = useState({ value: null, error: null });
  const turn = useRef(0);
  const again = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const value = await load();
      if (mine === turn.current) setState({ value, error: null });
    } catch (error) {
      if (mine === turn.current) setState((old) => ({ ...old, error }));
    }
  }, keys);
  const put = useCallback((change) => setState((old) => ({ ...old, value: change(old.value) })), []);

  useEffect(() => {
    setState({ value: null, error: null });
    again();
    return () => void turn.current++;
  }, [again]);
  useEffect(() => {
    if (state.error?.name !== "Away") return undefined;
    const timer = setTimeout(again, AGAIN);
    addEventListener("online", again);
    return () => {
      clearTimeout(timer);
      removeEventListener("online", again);
    };
  }, [state.error, again]);
  return { ...state, again, put };
}

// Grey shapes where lines and cards will be.
export function Sketch({ lines = 3, cards = 0 }) {
  return html`<div class="sketch" aria-hidden="true">
      ${Array.from({ length: lines }, (_, n) => html`<span key=${n} class="line"></span>`)}
      <div class="cards">${Array.from({ length: cards }, (_, n) => html`<span key=${n} class="card"></span>`)}</div>
    </div>
    <p class="hidden" role="status">Loading …</p>`;
}

export function Failed({ error, again, what }) {
  return html`<div class="notice bad" role="alert">
    <${Warning} />
    <p><b>${what} cannot be shown.</b> ${sentence(error)}</p>
    <button type="button" class="button small" onClick=${again}>Try again</button>
  </div>`;
}

// A place with nothing in it: what would be here, and what to do about it.
export function Empty({ icon, title, children }) {
  return html`<div class="empty">
    <span class="sign">${icon}</span>
    <h2>${title}</h2>
    ${children}
  </div>`;
}
