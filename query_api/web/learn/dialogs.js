// Dialogs: a question before something is done, with the answer of the API in it. They must not know what is asked.

import { Fault, useForm } from "./forms.js";
import { html, useEffect, useId, useRef } from "./html.js";

// A dialog over the page. It closes on Escape; then, as always, `closed` is called and focus goes back.
export function Dialog({ title, closed, children }) {
  const box = useRef(null);
  const id = useId();
  useEffect(() => {
    const opened = box.current;
    opened.showModal();
    return () => opened.close();
  }, []);
  const outside = (event) => event.target === box.current && box.current.close();
  return html`<dialog ref=${box} aria-labelledby=${id} onClose=${closed} onClick=${outside}>
    <div class="inside">
      <h2 id=${id}>${title}</h2>
      ${children}
    </div>
  </dialog>`;
}

// Asks before a command is sent. send(fields): async; what it throws is shown at the field that it concerns.
export function Question({ title, action, danger, send, closed, children }) {
  const form = useForm(async (fields) => {
    const box = form.ref.current.closest("dialog");
    await send(fields);
    box.close();
  });
  const close = () => form.ref.current.closest("dialog").close();
  return html`<${Dialog} title=${title} closed=${closed}>
    <form ref=${form.ref} onSubmit=${form.submitted} novalidate>
      ${typeof children === "function" ? children(form.wrong) : children}
      <${Fault} wrong=${form.wrong} />
      <div class="choices end">
        <button type="button" class="button" onClick=${close} autofocus=${danger}>Cancel</button>
        <button type="submit" class=${danger ? "button danger" : "button main"} disabled=${form.busy}>${action}</button>
      </div>
    </form>
  <//>`;
}
