// What one can do with messages and people, and the questions that come before some of it. It must not know where it is
// asked for.

import { DeleteMessage, MessageHistory, MuteMember, RenameChannel, ReportMessage } from "./chat_questions.js";
import { named } from "./chat_words.js";
import { html, useMemo, useRef, useState } from "./html.js";
import { to } from "./router.js";

const NOTHING = { replyTo: null, editing: null };

// show(panel): opens it. setDraft({ replyTo, editing }). Returns { actions, question, ask, answered }; the actions stay
// the same as long as what one may do is the same.
export function useActions({ client, me, room, rooms, open, say, setDraft, show }) {
  const [question, ask] = useState(null);
  const latest = useRef({});
  const inCourse = Boolean(room?.course_id);
  const moderator = Boolean(room?.moderator) && inCourse;
  const fault = (error) => say(error.message, "bad");

  latest.current = {
    react: (message, emoji, mine) => {
      const how = mine ? "unreact" : "react";
      const gone = (error) => (mine && error.code === "not_found") || fault(error);
      client.messages[how](message.channel_id, message.message_id, emoji).catch(gone);
    },
    reply: (message) => setDraft({ ...NOTHING, replyTo: message }),
    edit: (message) => setDraft({ ...NOTHING, editing: message }),
    thread: (message) => show({ name: "thread", rootId: message.thread_id ?? message.message_id }),
    copy: (message) => navigator.clipboard?.writeText(message.text ?? "").then(() => say("The text is copied."), fault),
    write: async (userId) => {
      try {
        const { channel_id } = await client.channels.openDirect(room.course_id, userId);
        await rooms.again();
        open(to.channel(channel_id));
      } catch (error) {
        fault(error);
      }
    },
    report: (message) => ask({ kind: "report", message }),
    history: (message) => ask({ kind: "history", message }),
    remove: (message) => ask({ kind: "delete", message }),
    mute: (userId) => ask({ kind: "mute", userId }),
  };
  const actions = useMemo(() => {
    const later =
      (name) =>
      (...given) =>
        latest.current[name](...given);
    const may = ({ author_id, text }) => {
      const own = author_id === me.user_id;
      return {
        edit: own && text !== null,
        remove: own || moderator,
        moderate: moderator,
        mute: moderator && !own,
        write: inCourse && !own,
      };
    };
    return { may, ...Object.fromEntries(Object.keys(latest.current).map((name) => [name, later(name)])) };
  }, [me, inCourse, moderator]);
  // A question that is answered gives the focus back; if what had it is gone, to the message that it was about.
  function answered() {
    const { message } = question;
    ask(null);
    setTimeout(() => {
      if (document.activeElement !== document.body || !message) return;
      document.querySelector(`.talk [data-message="${message.message_id}"]`)?.focus();
    });
  }
  return { actions, question, ask, answered };
}

export function Questions({ question, client, me, room, nameOf, say, closed }) {
  const { kind, message, userId } = question ?? {};
  const given = { client, say, closed, nameOf };
  if (kind === "report") return html`<${ReportMessage} message=${message} ...${given} />`;
  if (kind === "history") return html`<${MessageHistory} message=${message} ...${given} />`;
  if (kind === "delete") {
    return html`<${DeleteMessage} message=${message} own=${message.author_id === me.user_id} ...${given} />`;
  }
  if (kind === "mute") {
    const name = named(nameOf(userId));
    return html`<${MuteMember} courseId=${room.course_id} userId=${userId} name=${name} ...${given} />`;
  }
  if (kind === "rename") return html`<${RenameChannel} room=${room} ...${given} />`;
  return null;
}
