// Settings: how one is shown, how the page looks, the password, and the end of the account. It must not know how
// sessions are listed (sessions.js).

import { Question } from "./dialogs.js";
import { Field, Secret } from "./fields.js";
import { Fault, useForm } from "./forms.js";
import { Heading } from "./heading.js";
import { html, useState } from "./html.js";
import { usePlace } from "./place.js";
import { Sessions } from "./sessions.js";
import { choose, theme, THEMES } from "./theme.js";
import { day } from "./words.js";

const Part = ({ id, title, children }) =>
  html`<section class="card part" aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    ${children}
  </section>`;

function Profile() {
  const { client, me, changed, say } = usePlace();
  const form = useForm(async ({ display_name: name }) => {
    await client.people.rename(name);
    changed({ ...me, display_name: name });
    say("You are shown by your new name.");
  });
  return html`<${Part} id="profile" title="Profile">
    <form ref=${form.ref} onSubmit=${form.submitted} novalidate>
      <${Field}
        label="Your name"
        hint="Everybody in your courses sees it."
        name="display_name"
        defaultValue=${me.display_name}
        autocomplete="name"
        maxlength="80"
        fault=${form.wrong.display_name}
      />
      <p class="muted small">You sign in with ${me.email}. You have been here since ${day(me.joined_at)}.</p>
      <${Fault} wrong=${form.wrong} />
      <div class="choices"><button class="button main" disabled=${form.busy}>Save the name</button></div>
    </form>
  <//>`;
}

function Look() {
  const [chosen, setChosen] = useState(theme());
  const pick = (name) => {
    choose(name);
    setChosen(name);
  };
  return html`<${Part} id="look" title="Light or dark">
    <fieldset class="options">
      <legend class="hidden">Light or dark</legend>
      ${Object.entries(THEMES).map(
        ([name, said]) =>
          html`<label key=${name}>
            <input type="radio" name="theme" value=${name} checked=${chosen === name} onChange=${() => pick(name)} />
            ${said}
          </label>`,
      )}
    </fieldset>
    <p class="muted small">This is kept in this browser only.</p>
  <//>`;
}

function Password({ changed }) {
  const { client, me, say } = usePlace();
  const form = useForm(async ({ current_password: current, new_password: next }) => {
    await client.people.changePassword(current, next);
    form.ref.current.reset();
    say("Your password is changed, and every other session has ended.");
    changed();
  });
  return html`<${Part} id="password" title="Password">
    <form ref=${form.ref} onSubmit=${form.submitted} novalidate>
      <input type="email" name="username" autocomplete="username" value=${me.email} hidden readonly />
      <${Secret}
        label="Current password"
        name="current_password"
        autocomplete="current-password"
        fault=${form.wrong.current_password}
      />
      <${Secret}
        label="New password"
        hint="At least 8 characters, and none of the passwords that everybody uses. Every other session ends."
        name="new_password"
        autocomplete="new-password"
        fault=${form.wrong.new_password}
      />
      <${Fault} wrong=${form.wrong} />
      <div class="choices"><button class="button main" disabled=${form.busy}>Change the password</button></div>
    </form>
  <//>`;
}

function Farewell() {
  const { client, me, signOut } = usePlace();
  const [asking, setAsking] = useState(false);
  async function erase({ email }) {
    if (email.trim().toLowerCase() !== me.email.toLowerCase()) {
      throw Object.assign(new Error(), { errors: [{ pointer: "#/email", detail: "This is not your address." }] });
    }
    await client.people.erase();
    signOut("Your account is deleted.");
  }
  return html`<${Part} id="farewell" title="Delete your account">
    <p class="muted">
      At once and for good: nobody can read your name, your address and your messages any more, and you cannot come back
      to this account. Courses that you made stay, by somebody without a name.
    </p>
    <div class="choices">
      <button type="button" class="button danger" onClick=${() => setAsking(true)}>Delete my account</button>
    </div>
    ${
      asking &&
      html`<${Question}
        title="Delete your account?"
        action="Delete for good"
        danger
        send=${erase}
        closed=${() => setAsking(false)}
      >
        ${(wrong) =>
          html`<p>Nobody can undo this.</p>
            <${Field}
              label=${`Type ${me.email} to go on`}
              type="email"
              name="email"
              autocomplete="off"
              fault=${wrong.email}
            />`}
      <//>`
    }
  <//>`;
}

export function Settings() {
  const [turn, setTurn] = useState(0);
  return html`<div class="narrow">
    <${Heading}>Settings<//>
    <${Profile} />
    <${Look} />
    <${Password} changed=${() => setTurn(turn + 1)} />
    <${Part} id="sessions" title="Where you are signed in"><${Sessions} turn=${turn} /><//>
    <${Farewell} />
  </div>`;
}
