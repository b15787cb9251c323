// The form to sign in with. It must not know what comes after.

import { html, useEffect, useRef, useState } from "./html.js";

// enter(email, password): async; what it throws is shown. said: why one has to sign in again.
export function SignIn({ enter, said }) {
  const email = useRef(null);
  const password = useRef(null);
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState(said);

  useEffect(() => email.current.focus(), []);
  useEffect(() => setRefused(said), [said]);

  async function submitted(event) {
    event.preventDefault();
    setBusy(true);
    setRefused(null);
    try {
      await enter(email.current.value, password.current.value);
    } catch (error) {
      setRefused(error.message);
      setBusy(false);
      password.current?.select();
    }
  }

  return html`<main class="sign-in">
    <form class="card" onSubmit=${submitted}>
      <h1><span class="brand">mimo</span> Operators’ desk</h1>
      <label>E-mail <input ref=${email} type="email" name="email" autocomplete="username" required /></label>
      <label>
        Password
        <input ref=${password} type="password" name="password" autocomplete="current-password" required />
      </label>
      <p class="refused" role="alert">${refused}</p>
      <button class="main" disabled=${busy}>${busy ? "Signing in …" : "Sign in"}</button>
      <p class="soft">For admins: <code>mimo users grant EMAIL admin</code> makes one.</p>
    </form>
  </main>`;
}
