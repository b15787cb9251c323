// Light, dark, or as the system has it: the choice is kept in this browser. It must not know where it is offered.

const KEPT = "mimo.theme"; // first.js reads it as well

export const THEMES = { system: "Like the system", light: "Light", dark: "Dark" };

export const theme = () => document.documentElement.dataset.theme;

export function choose(name) {
  document.documentElement.dataset.theme = name;
  try {
    if (name === "system") localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, name);
  } catch {
    // The browser keeps nothing for pages: then it holds until the next load.
  }
}
