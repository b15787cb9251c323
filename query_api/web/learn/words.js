// How times, numbers and reasons are put into words. It must not know where they are shown.

const PLURAL = new Intl.PluralRules("en");
const NUMBER = new Intl.NumberFormat("en");
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const STEPS = [
  ["year", 31557600],
  ["month", 2629800],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];

// "1 seat", "12 seats".
export const counted = (number, one, many = `${one}s`) =>
  `${NUMBER.format(number)} ${PLURAL.select(number) === "one" ? one : many}`;

export const day = (text) => DAY.format(new Date(text));

// "3 minutes ago".
export function ago(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  const [unit, size] = STEPS.find(([, size]) => -seconds >= size) ?? ["now", 0];
  return unit === "now" ? "just now" : RELATIVE.format(Math.round(seconds / size), unit);
}

// How many seats there are, in a few words.
export function seats({ capacity, seats_left: left, enrolled_count: enrolled }) {
  if (capacity === null) return enrolled ? `${counted(enrolled, "person", "people")} enrolled` : "Open to everybody";
  if (left === 0) return capacity === 1 ? "The only seat is taken" : `All ${NUMBER.format(capacity)} seats are taken`;
  return `${NUMBER.format(left)} of ${counted(capacity, "seat")} left`;
}

// Why somebody cannot enrol: what is so, and what they can do.
export const WHY_NOT = {
  course_full: ["Every seat is taken.", "Look in again: a seat is free as soon as somebody leaves."],
  course_not_open: ["This course does not take anybody at present.", "Only published courses do."],
  already_enrolled: ["You are in this course.", "Its channels are open to you."],
  unauthenticated: ["Sign in to enrol.", "You come back here afterwards."],
};

// What is shown of an error: its sentence, and how long to wait if that was said.
export function sentence(error) {
  if (error.name === "Away") return `${error.message} Please try again.`;
  if (!error.retryAfter || error.code !== "rate_limited") return error.message;
  return `${error.message} In ${counted(Math.ceil(error.retryAfter), "second")} you can try again.`;
}

// The faults of a refused form by field: { email: "…" }; "" is for what concerns the whole.
// fields: what was in the form.
export function faults(error, fields) {
  const found = {};
  for (const { pointer, detail } of error.errors ?? []) {
    const name = pointer?.replace(/^#?\/?/, "").split("/")[0] ?? "";
    if (!(name in fields)) found[""] ??= plain(detail);
    else found[name] ??= fields[name].trim() ? plain(detail, name) : "Please fill this in.";
  }
  if (!Object.keys(found).length) found[""] = sentence(error);
  return found;
}

const PLAIN = [
  [/^String should have at least (\d+) characters?$/, (_, n) => `At least ${n} characters are needed.`],
  [/^String should have at most (\d+) characters?$/, (_, n) => `At most ${n} characters are possible.`],
  [/^String should match pattern .*/, () => "This cannot be used as it stands."],
  [/^List should have at most (\d+) items.*/, (_, n) => `At most ${n} are possible.`],
  [/^Input should be a valid integer.*/, () => "Please give a whole number."],
  [/^Field required$/, () => "Please fill this in."],
  [
    /^Input should be (greater|less) than or equal to (\d+)$/,
    (_, way, n) => `At ${way === "less" ? "most" : "least"} ${n}.`,
  ],
];

// The validator's own words are for programmers.
function plain(detail, name) {
  if (name === "email" && detail.startsWith("String should")) return "This is no e-mail address.";
  for (const [pattern, said] of PLAIN) if (pattern.test(detail)) return detail.replace(pattern, said);
  return detail;
}
