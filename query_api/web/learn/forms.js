// Sending a form: once at a time, with what the API says of it at the fields. It must not know what is sent.

import { Warning } from "./icons.js";
import { html, useLayoutEffect, useRef, useState } from "./html.js";
import { faults, sentence } from "./words.js";

const NONE = {};

// send(fields): async, gets the form's fields by name. What it throws is put at the fields that it concerns; the first
// of them takes the focus. `at` says which field a code concerns: { email_taken: "email" }.
export function useForm(send, at = NONE) {
  const form = useRef(null);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(NONE);

  useLayoutEffect(() => {
    if (wrong !== NONE) form.current?.querySelector('[aria-invalid="true"], [role="alert"]')?.focus();
  }, [wrong]);

  async function submitted(event) {
    event.preventDefault();
    if (busy) return;
    const fields = Object.fromEntries(new FormData(form.current));
    setBusy(true);
    setWrong(NONE);
    try {
      await send(fields);
    } catch (error) {
      setWrong(at[error.code] ? { [at[error.code]]: sentence(error) } : faults(error, fields));
    } finally {
      setBusy(false);
    }
  }
  return { busy, wrong, ref: form, submitted };
}

export function Fault({ wrong }) {
  return wrong[""] && html`<p class="notice bad" role="alert" tabindex="-1"><${Warning} />${wrong[""]}</p>`;
}
