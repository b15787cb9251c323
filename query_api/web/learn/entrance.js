// Registering and signing in. It must not know what comes after: whoever is in goes where they came from.

import { Cover } from "./cover.js";
import { Field, Secret } from "./fields.js";
import { Fault, useForm } from "./forms.js";
import { Heading } from "./heading.js";
import { html, useEffect, useRef } from "./html.js";
import { usePlace } from "./place.js";
import { to } from "./router.js";

const PICTURE = "00000005"; // a lot that draws the colours of the brand
const RULES = "At least 8 characters, and none of the passwords that everybody uses. A sentence is fine.";

// The first field is where one wants to type; after a step by a link the heading is read first.
function useFirstField() {
  const form = useRef(null);
  useEffect(() => form.current.querySelector("input")?.focus(), []);
  return form;
}

function SignIn({ enter, back, email }) {
  const { client } = usePlace();
  const place = useFirstField();
  const form = useForm(async ({ username, password }) => {
    await client.signIn(username, password);
    await enter();
  });
  return html`<div ref=${place}>
    <form ref=${form.ref} onSubmit=${form.submitted}>
      <${Field} label="E-mail" type="email" name="username" autocomplete="username" value=${email} required />
      <${Secret} label="Password" name="password" autocomplete="current-password" required />
      <${Fault} wrong=${form.wrong} />
      <button class="button main" disabled=${form.busy}>${form.busy ? "Signing in …" : "Sign in"}</button>
    </form>
    <p class="muted">New here? <a href=${to.register(back)}>Create an account</a></p>
  </div>`;
}

function Register({ enter, back }) {
  const { client } = usePlace();
  const place = useFirstField();
  const form = useForm(
    async ({ display_name: displayName, email, password }) => {
      await client.register({ email, password, displayName });
      await enter();
    },
    { email_taken: "email" },
  );
  const { wrong } = form;
  return html`<div ref=${place}>
    <form ref=${form.ref} onSubmit=${form.submitted} novalidate>
      <${Field}
        label="Your name"
        hint="Everybody in your courses sees it."
        name="display_name"
        autocomplete="name"
        maxlength="80"
        fault=${wrong.display_name}
      />
      <${Field}
        label="E-mail"
        hint="You sign in with it. Nobody else is shown it."
        type="email"
        name="email"
        autocomplete="email"
        fault=${wrong.email}
      />
      <${Secret} label="Password" hint=${RULES} name="password" autocomplete="new-password" fault=${wrong.password} />
      <${Fault} wrong=${wrong} />
      <button class="button main" disabled=${form.busy}>${form.busy ? "Creating …" : "Create account"}</button>
    </form>
    <p class="muted">You have an account? <a href=${to.signIn(back)}>Sign in</a></p>
  </div>`;
}

// enter(): async, once the client is signed in. said: why one has to sign in again.
export function Entrance({ enter, said }) {
  const { route } = usePlace();
  const back = route.query.get("back");
  const fresh = route.name === "register";
  return html`<section class="entrance card" key=${route.name}>
    <${Cover} id=${PICTURE} />
    <${Heading}>${fresh ? "Create an account" : "Welcome back"}<//>
    ${said && html`<p class="notice warn" role="alert">${said}</p>`}
    ${fresh ? html`<${Register} enter=${enter} back=${back} />` : html`<${SignIn} enter=${enter} back=${back} />`}
  </section>`;
}
