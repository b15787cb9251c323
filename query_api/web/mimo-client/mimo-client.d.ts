// The types of mimo-client.js and of what the APIs answer. A test checks them against the code; they say nothing else.

export type Id = string;
/** RFC 3339, in UTC. */
export type Time = string;

export interface Page<Item> {
  items: Item[];
  /** Send it for the next page; null on the last one. */
  next_cursor: string | null;
}

export interface Problem {
  pointer: string;
  detail: string;
}

/** The API refused; `message` is a sentence for people, `code` is stable. */
export class Refused extends Error {
  constructor(status: number, problem: Partial<{ code: string; detail: string; trace_id: string; errors: Problem[] }>,
    retryAfter?: number | null);
  status: number;
  code: string;
  detail: string;
  /** What is wrong with which field. */
  errors: Problem[];
  /** Seconds after which it may be asked again. */
  retryAfter: number | null;
}

/** Nothing came back, or that it cannot answer now: asking again later helps. */
export class Away extends Error {
  constructor(said: string, code?: string, retryAfter?: number | null);
  code: string;
  detail: string;
  retryAfter: number | null;
}

export interface User {
  user_id: Id;
  display_name: string | null;
  joined_at: Time;
}

export interface Me extends User {
  email: string | null;
  roles: string[];
}

export interface OwnSession {
  session_id: Id;
  started_at: Time;
  current: boolean;
}

export interface Course {
  course_id: Id;
  title: string;
  description: string;
  tags: string[];
  status: "draft" | "published" | "archived";
  owner_id: Id;
  capacity: number | null;
  enrolled_count: number;
  seats_left: number | null;
  can_enroll: boolean;
  cannot_enroll_reason: "course_not_open" | "already_enrolled" | "course_full" | "unauthenticated" | null;
  created_at: Time;
}

export interface MyCourse extends Course {
  enrolled_at: Time;
}

export interface NewCourse {
  title: string;
  description: string;
  tags?: string[];
  capacity?: number | null;
}

export interface Enrollment {
  user_id: Id;
  display_name: string | null;
  enrolled_at: Time;
}

export interface Channel {
  channel_id: Id;
  course_id: Id;
  name: string;
  opened_at: Time;
  last_seq: number;
  message_count: number;
}

export interface Room {
  channel_id: Id;
  course_id: Id | null;
  course_title: string | null;
  name: string | null;
  /** Of a conversation of two: the other one. */
  with: { user_id: Id; display_name: string | null } | null;
  opened_at: Time;
  /** Where a live subscription goes on. */
  last_seq: number;
  message_count: number;
  read_number: number;
  unread: number;
  unread_mentions: number;
  moderator: boolean;
}

export interface Member {
  user_id: Id;
  display_name: string | null;
  owner: boolean;
}

export interface Reaction {
  emoji: string;
  count: number;
  mine: boolean;
  /** At most 20 of them. */
  user_ids: Id[];
}

export interface Message {
  message_id: Id;
  channel_id: Id;
  seq: number;
  number: number;
  author_id: Id;
  author_name: string | null;
  text: string | null;
  sent_at: Time;
  edited_at: Time | null;
  deleted: boolean;
  thread_id: Id | null;
  reply_count: number;
  mentions: { user_id: Id; display_name: string | null }[];
  reactions: Reaction[];
}

export interface MessagePage extends Page<Message> {
  last_seq: number;
}

export interface Version {
  seq: number;
  at: Time;
  event: "MessageSent" | "MessageEdited" | "MessageDeleted";
  user_id: Id;
  text: string | null;
}

export interface MuteOf {
  user_id: Id;
  display_name: string | null;
  muted_by: Id;
  muted_at: Time;
  until: Time;
}

export type Reason = "spam" | "abuse" | "off_topic" | "other";
export type Outcome = "removed" | "muted" | "dismissed";

export interface Report {
  report_id: Id;
  channel_id: Id;
  course_id: Id | null;
  message_id: Id;
  reason: Reason;
  reported_by: Id;
  reported_at: Time;
  resolved_at: Time | null;
  resolved_by: Id | null;
  outcome: Outcome | null;
}

/** What every command answers beside its ids. */
export type Accepted<Ids = unknown> = Ids & { position: number };
export interface Limits {
  cursor?: string | null;
  limit?: number;
}
export interface Sending {
  /** The Idempotency-Key; drawn if there is none. */
  key?: string;
  /** How often it is sent if no answer comes. */
  tries?: number;
}

export class Session {
  constructor(commands: string, ended?: (said: string) => void);
  commands: string;
  ended: (said: string) => void;
  roles: string[];
  userId: Id | null;
  sessionId: Id | null;
  readonly signedIn: boolean;
  /** Milliseconds until the access token should be renewed. */
  readonly renewsIn: number;
  signIn(email: string, password: string): Promise<void>;
  resume(): Promise<boolean>;
  /** An access token that is valid for a while. */
  token(): Promise<string>;
  renew(): Promise<void>;
  signOut(everywhere?: boolean): Promise<void>;
  /** Does what ends the session: `ended` is not called for it. */
  ending<T>(work: () => Promise<T>): Promise<T>;
}

export class Bookmarks {
  note(text: string | null): void;
  text(): string | null;
  forget(): void;
}

export interface AwayState {
  query: string | null;
  command: string | null;
}

export class Api {
  constructor(session: Session, options?: { query?: string; changed?: (away: AwayState) => void });
  session: Session;
  query: string;
  changed: (away: AwayState) => void;
  away: AwayState;
  bookmarks: Bookmarks;
  read(path: string, options?: { signal?: AbortSignal }): Promise<any>;
  command(method: string, path: string, body?: unknown, options?: Sending): Promise<any>;
  authorized(): Promise<{ Authorization: string }>;
}

declare class Resource {
  constructor(api: Api);
  api: Api;
  read(path: string, parameters?: object): Promise<any>;
}

export class People extends Resource {
  me(): Promise<Me>;
  get(userId: Id): Promise<User>;
  /** At most 100; who does not exist is missing. */
  many(userIds: Id[]): Promise<Page<User>>;
  rename(displayName: string): Promise<Accepted<{ user_id: Id }>>;
  changePassword(current: string, next: string): Promise<Accepted<{ user_id: Id }>>;
  sessions(): Promise<Page<OwnSession>>;
  endSession(sessionId: Id): Promise<Accepted<{ session_id: Id }>>;
  /** For good. */
  erase(): Promise<Accepted<{ user_id: Id; receipt_id: Id }>>;
}

export class Courses extends Resource {
  list(parameters?: Limits & { q?: string; tag?: string }): Promise<Page<Course>>;
  get(courseId: Id): Promise<Course>;
  mine(parameters?: Limits): Promise<Page<MyCourse>>;
  roster(courseId: Id, parameters?: Limits): Promise<Page<Enrollment>>;
  create(course: NewCourse): Promise<Accepted<{ course_id: Id; channel_id: Id }>>;
  change(courseId: Id, changes: Partial<NewCourse>): Promise<Accepted<{ course_id: Id }>>;
  publish(courseId: Id): Promise<Accepted<{ course_id: Id }>>;
  archive(courseId: Id): Promise<Accepted<{ course_id: Id }>>;
  enrol(courseId: Id): Promise<Accepted<{ course_id: Id; user_id: Id }>>;
  leave(courseId: Id): Promise<Accepted<{ course_id: Id; user_id: Id }>>;
}

export class Channels extends Resource {
  mine(): Promise<Page<Room>>;
  get(channelId: Id): Promise<Room>;
  ofCourse(courseId: Id): Promise<Page<Channel>>;
  members(channelId: Id, parameters?: Limits & { q?: string }): Promise<Page<Member>>;
  open(courseId: Id, name: string): Promise<Accepted<{ channel_id: Id }>>;
  rename(channelId: Id, name: string): Promise<Accepted<{ channel_id: Id }>>;
  openDirect(courseId: Id, userId: Id): Promise<Accepted<{ channel_id: Id }>>;
  markRead(channelId: Id, number: number): Promise<Accepted<{ channel_id: Id; number: number }>>;
}

type Sent = Accepted<{ message_id: Id; seq: number }>;

export class Messages extends Resource {
  list(channelId: Id, parameters?: Limits & { before_seq?: number; after_seq?: number; thread?: Id }):
    Promise<MessagePage>;
  get(channelId: Id, messageId: Id): Promise<Message>;
  history(channelId: Id, messageId: Id): Promise<Page<Version>>;
  search(parameters: Limits & { q: string; channel_id?: Id | null; course_id?: Id | null }): Promise<Page<Message>>;
  send(channelId: Id, message: { text: string; client_message_id?: string; reply_to?: Id }, options?: Sending):
    Promise<Sent>;
  edit(channelId: Id, messageId: Id, text: string): Promise<Sent>;
  delete(channelId: Id, messageId: Id): Promise<Sent>;
  react(channelId: Id, messageId: Id, emoji: string): Promise<Sent>;
  unreact(channelId: Id, messageId: Id, emoji: string): Promise<Sent>;
  report(channelId: Id, messageId: Id, reason: Reason): Promise<Accepted<{ report_id: Id }>>;
}

export class Moderation extends Resource {
  mutes(courseId: Id): Promise<Page<MuteOf>>;
  mute(courseId: Id, userId: Id, minutes: number): Promise<Accepted<{ user_id: Id; until: Time }>>;
  unmute(courseId: Id, userId: Id): Promise<Accepted<{ user_id: Id }>>;
  /** Of a course; null: of all channels, for admins. */
  reports(courseId: Id | null, parameters?: Limits & { status?: "open" | "resolved" }): Promise<Page<Report>>;
  report(reportId: Id): Promise<Report & { author_id: Id; text: string | null }>;
  resolve(channelId: Id, reportId: Id, outcome: Outcome): Promise<Accepted<{ report_id: Id }>>;
}

export class Names {
  constructor(people: People);
  people: People;
  onChange(observer: () => void): () => void;
  /** null: erased or nobody; undefined: not known yet, and asked for. */
  of(userId: Id): string | null | undefined;
  learn(userId: Id, name: string | null | undefined): void;
  forget(): void;
}

export interface OutboxItem {
  clientMessageId: string;
  channelId: Id;
  text: string;
  replyTo: Id | null;
  at: Time;
  state: "waiting" | "sending" | "sent" | "failed";
  error: { code: string; detail: string } | null;
  messageId: Id | null;
  seq: number | null;
}

export interface KeepsTexts {
  getItem(key: string): string | null;
  setItem(key: string, text: string): void;
  removeItem(key: string): void;
}

export class Outbox {
  constructor(parts: { session: Session; messages: Messages; storage: KeepsTexts | null });
  session: Session;
  messages: Messages;
  storage: KeepsTexts | null;
  onChange(observer: () => void): () => void;
  of(channelId: Id): OutboxItem[];
  /** Takes a message and returns our id of it; it is sent as soon as possible, once. */
  send(channelId: Id, text: string, options?: { replyTo?: Id | null }): string;
  retry(clientMessageId: string): void;
  discard(clientMessageId: string): void;
  told(channelId: Id, seq: number, clientMessageId?: string | null): void;
  wake(): void;
  forget(): void;
}

export interface EventFrame {
  type: "event";
  channel_id: Id;
  seq: number;
  /** As in docs/events.md. */
  event: string;
  id: Id;
  at: Time;
  /** null: this server does not know such an event. */
  data: any;
}

export interface YoursFrame {
  type: "yours";
  event: string;
  data: any;
}

export type LiveState = "off" | "connecting" | "open" | "waiting" | "offline";

export interface Here {
  /** null: more than are told one by one. */
  here: Id[] | null;
  count: number;
}

export interface Listener {
  /** Every later event is told, once and in order. */
  afterSeq: number;
  presence?: boolean;
  event(frame: EventFrame): void;
  /** Too much was missed to be told: read anew, and answer the seq to go on after. */
  reset?(lastSeq: number): number | undefined | Promise<number | undefined>;
  ended?(reason: string): void;
  refused?(problem: { code: string; detail: string }): void;
  typing?(userId: Id): void;
  here?(here: Here | null): void;
}

export interface Subscription {
  seq: number;
  close(): void;
}

export class Live {
  constructor(parts: { session: Session; origin: string; WebSocketClass: typeof WebSocket | null; anew: () => void });
  readonly state: LiveState;
  on(what: "state", observer: (state: LiveState) => void): () => void;
  on(what: "yours", observer: (frame: YoursFrame) => void): () => void;
  on(what: "event", observer: (frame: EventFrame) => void): () => void;
  start(): void;
  stop(): void;
  subscribe(channelId: Id, listener: Listener): Subscription;
  typing(channelId: Id): void;
}

export interface Settings {
  /** The origin of the query API; "": the page's own. */
  query?: string;
  /** The origin of the command API; "": the page's own. */
  commands?: string;
  /** Called with a sentence when the session is over. */
  ended?: (said: string) => void;
  awayChanged?: (away: AwayState) => void;
  /** Keeps what is not sent yet over a reload; null: nowhere. */
  storage?: KeepsTexts | null;
  /** null: event streams only. */
  WebSocketClass?: typeof WebSocket | null;
}

export class MimoClient {
  constructor(settings?: Settings);
  session: Session;
  api: Api;
  people: People;
  courses: Courses;
  channels: Channels;
  messages: Messages;
  moderation: Moderation;
  names: Names;
  outbox: Outbox;
  live: Live;
  register(person: { email: string; password: string; displayName: string }): Promise<Accepted<{ user_id: Id }>>;
  signIn(email: string, password: string): Promise<void>;
  resume(): Promise<boolean>;
  signOut(options?: { everywhere?: boolean }): Promise<void>;
}

/** Every item of a list; list gets a cursor, null for the first page. */
export function pages<Item>(list: (cursor: string | null) => Promise<Page<Item>>): AsyncGenerator<Item, void, void>;
