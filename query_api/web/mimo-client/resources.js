// What one can ask and do, by noun: each method is one route of docs (both /openapi.json), with its answer as it comes.
// It must not know how an API is asked.

import { asked } from "./lists.js";

class Resource {
  constructor(api) {
    this.api = api;
  }

  read(path, parameters) {
    return this.api.read(asked(path, parameters));
  }
}

const of = (...parts) => `/v1/${parts.map((part) => encodeURIComponent(part)).join("/")}`;

export class People extends Resource {
  me() {
    return this.read("/v1/me");
  }
  get(userId) {
    return this.read(of("users", userId));
  }
  many(userIds) {
    return this.read("/v1/users", { id: userIds });
  }
  rename(displayName) {
    return this.api.command("PATCH", "/v1/me", { display_name: displayName });
  }
  changePassword(current, next) {
    return this.api.command("POST", "/v1/me/password", { current_password: current, new_password: next });
  }
  sessions() {
    return this.read("/v1/me/sessions");
  }
  endSession(sessionId) {
    return this.api.command("POST", of("me", "sessions", sessionId, "end"));
  }
  // For good.
  erase() {
    return this.api.session.ending(() => this.api.command("DELETE", "/v1/me"));
  }
}

export class Courses extends Resource {
  list(parameters) {
    return this.read("/v1/courses", parameters);
  }
  get(courseId) {
    return this.read(of("courses", courseId));
  }
  mine(parameters) {
    return this.read("/v1/me/courses", parameters);
  }
  roster(courseId, parameters) {
    return this.read(of("courses", courseId, "enrollments"), parameters);
  }
  create(course) {
    return this.api.command("POST", "/v1/courses", course);
  }
  change(courseId, changes) {
    return this.api.command("PATCH", of("courses", courseId), changes);
  }
  publish(courseId) {
    return this.api.command("POST", of("courses", courseId, "publish"));
  }
  archive(courseId) {
    return this.api.command("POST", of("courses", courseId, "archive"));
  }
  enrol(courseId) {
    return this.api.command("POST", of("courses", courseId, "enrollments"));
  }
  leave(courseId) {
    return this.api.command("DELETE", of("courses", courseId, "enrollments", "me"));
  }
}

export class Channels extends Resource {
  mine() {
    return this.read("/v1/me/channels");
  }
  get(channelId) {
    return this.read(of("channels", channelId));
  }
  ofCourse(courseId) {
    return this.read(of("courses", courseId, "channels"));
  }
  members(channelId, parameters) {
    return this.read(of("channels", channelId, "members"), parameters);
  }
  open(courseId, name) {
    return this.api.command("POST", of("courses", courseId, "channels"), { name });
  }
  rename(channelId, name) {
    return this.api.command("PATCH", of("channels", channelId), { name });
  }
  // The conversation with somebody of the same course; the one that there is, or a new one.
  openDirect(courseId, userId) {
    return this.api.command("POST", of("courses", courseId, "direct-channels"), { user_id: userId });
  }
  markRead(channelId, number) {
    return this.api.command("PUT", of("channels", channelId, "read"), { number });
  }
}

export class Messages extends Resource {
  list(channelId, parameters) {
    return this.read(of("channels", channelId, "messages"), parameters);
  }
  get(channelId, messageId) {
    return this.read(of("channels", channelId, "messages", messageId));
  }
  history(channelId, messageId) {
    return this.read(of("channels", channelId, "messages", messageId, "history"));
  }
  search(parameters) {
    return this.read("/v1/search/messages", parameters);
  }
  // message: { text, client_message_id?, reply_to? }. `client.outbox.send` waits for the network as well.
  send(channelId, message, options) {
    return this.api.command("POST", of("channels", channelId, "messages"), message, options);
  }
  edit(channelId, messageId, text) {
    return this.api.command("PATCH", of("channels", channelId, "messages", messageId), { text });
  }
  delete(channelId, messageId) {
    return this.api.command("DELETE", of("channels", channelId, "messages", messageId));
  }
  react(channelId, messageId, emoji) {
    return this.api.command("PUT", of("channels", channelId, "messages", messageId, "reactions", emoji));
  }
  unreact(channelId, messageId, emoji) {
    return this.api.command("DELETE", of("channels", channelId, "messages", messageId, "reactions", emoji));
  }
  report(channelId, messageId, reason) {
    return this.api.command("POST", of("channels", channelId, "messages", messageId, "reports"), { reason });
  }
}

export class Moderation extends Resource {
  mutes(courseId) {
    return this.read(of("courses", courseId, "mutes"));
  }
  mute(courseId, userId, minutes) {
    return this.api.command("POST", of("courses", courseId, "mutes"), { user_id: userId, minutes });
  }
  unmute(courseId, userId) {
    return this.api.command("DELETE", of("courses", courseId, "mutes", userId));
  }
  // Of a course; without one (null), those of all channels, for admins.
  reports(courseId, parameters) {
    return this.read(courseId === null ? "/v1/reports" : of("courses", courseId, "reports"), parameters);
  }
  // One of them, with who wrote the message and what it said then.
  report(reportId) {
    return this.read(of("reports", reportId));
  }
  resolve(channelId, reportId, outcome) {
    return this.api.command("POST", of("channels", channelId, "reports", reportId, "resolve"), { outcome });
  }
}
