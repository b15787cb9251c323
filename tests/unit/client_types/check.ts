// What the types of the client say is what its code does, and all of it. Compiled beside a copy of the code (code/) and
// of the types (types.d.ts), never run; the type of each line is an error where the two differ.

import * as api from "./code/api.js";
import * as bookmarks from "./code/bookmarks.js";
import * as errors from "./code/errors.js";
import * as live from "./code/live.js";
import * as client from "./code/mimo-client.js";
import * as names from "./code/names.js";
import * as outbox from "./code/outbox.js";
import * as resources from "./code/resources.js";
import * as session from "./code/session.js";
import type * as types from "./types";

// Whatever is promised is there, with these arguments and answers.
export const promised: [
  typeof types.MimoClient, typeof types.Refused, typeof types.Away, typeof types.pages, typeof types.Session,
  typeof types.Api, typeof types.Bookmarks, typeof types.Names, typeof types.Outbox, typeof types.Live,
  typeof types.People, typeof types.Courses, typeof types.Channels, typeof types.Messages, typeof types.Moderation,
] = [
  client.MimoClient, client.Refused, client.Away, client.pages, session.Session,
  api.Api, bookmarks.Bookmarks, names.Names, outbox.Outbox, live.Live,
  resources.People, resources.Courses, resources.Channels, resources.Messages, resources.Moderation,
];

// Nothing is there that is not promised.
type Untold<Code, Told> = Exclude<keyof Code, keyof Told>;
type Checked = [
  Untold<client.MimoClient, types.MimoClient>,
  Untold<errors.Refused, types.Refused>,
  Untold<errors.Away, types.Away>,
  Untold<session.Session, types.Session>,
  Untold<api.Api, types.Api>,
  Untold<bookmarks.Bookmarks, types.Bookmarks>,
  Untold<names.Names, types.Names>,
  Untold<outbox.Outbox, types.Outbox>,
  Untold<live.Live, types.Live>,
  Untold<resources.People, types.People>,
  Untold<resources.Courses, types.Courses>,
  Untold<resources.Channels, types.Channels>,
  Untold<resources.Messages, types.Messages>,
  Untold<resources.Moderation, types.Moderation>,
];
export const everything: Checked[number] extends never ? "told" : Checked[number] = "told";
