// Dialogs: a question before something is done, with the answer of the API in it. It must not know what is asked.

import { html, useEffect, useRef, useState } from "./html.js";

// A dialog over the page. It closes on Escape; then, as always, `closed` is called and focus goes back.
export function Dialog({ title, closed, wide, children }) {
  const box = useRef(null);
  useEffect(() => {
    const opened = box.current;
    opened.showModal();
    return () => opened.close();
  }, []);
  const outside = (event) => event.target === box.current && box.current.close();
  return html`<dialog ref=${box} class=${wide ? "wide" : ""} aria-label=${title} onClose=${closed} onClick=${outside}>
    <div class="inside">
      <h2>${title}</h2>
      ${children}
    </div>
  </dialog>`;
}

// Asks before a command is sent. send(form): async, gets the fields of the form; what it throws is shown.
export function Question({ title, action, danger, send, closed, children }) {
  const form = useRef(null);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(null);

  async function submitted(event) {
    event.preventDefault();
    setBusy(true);
    setRefused(null);
    try {
      await send(new FormData(form.current));
      form.current?.closest("dialog")?.close();
    } catch (error) {
      setRefused(error.message);
      setBusy(false);
    }
  }

  const close = () => form.current.closest("dialog").close();
  return html`<${Dialog} title=${title} closed=${closed}>
    <form ref=${form} onSubmit=${submitted}>
      ${children}
      <p class="refused" role="alert">${refused}</p>
      <div class="choices">
        <button type="button" onClick=${close} autofocus=${danger}>Leave it</button>
        <button type="submit" class=${danger ? "danger" : "main"} disabled=${busy}>${action}</button>
      </div>
    </form>
  <//>`;
}
