// What an event of a channel changes in its messages. It must not know where messages are kept, nor how they look.

// A message as GET …/messages would show it, from the event that says that it was sent.
export function messageOf(frame, number) {
  const { author_id, text, thread_id = null, mentions = [] } = frame.data;
  return {
    message_id: frame.id, channel_id: frame.channel_id, seq: frame.seq, number, author_id, author_name: undefined,
    text, sent_at: frame.at, edited_at: null, deleted: false, thread_id, reply_count: 0, reactions: [],
    mentions: mentions.map((user_id) => ({ user_id, display_name: undefined })), asOf: frame.seq,
  }; // prettier-ignore
}

// The id of the message that an event changes; null: none.
export function subjectOf({ event, data }) {
  if (!data) return null;
  return event === "MessageSent" ? (data.thread_id ?? null) : (data.message_id ?? null);
}

// The message after an event that it has not seen yet; the same one if it has.
export function changed(message, frame, own) {
  if (frame.seq <= message.asOf) return message;
  const { event, data, at, seq } = frame;
  switch (event) {
    case "MessageSent":
      return { ...message, reply_count: message.reply_count + 1, asOf: seq };
    case "MessageEdited": {
      const mentions = (data.mentions ?? []).map((user_id) => ({ user_id, display_name: undefined }));
      return { ...message, text: data.text, mentions, edited_at: at, asOf: seq };
    }
    case "MessageDeleted":
      return { ...message, text: null, deleted: true, reactions: [], mentions: [], asOf: seq };
    case "ReactionAdded":
      return { ...message, reactions: added(message.reactions, data, own), asOf: seq };
    case "ReactionRemoved":
      return { ...message, reactions: removed(message.reactions, data, own), asOf: seq };
    default:
      return message;
  }
}

function added(reactions, { emoji, user_id }, own) {
  const mine = user_id === own;
  const fresh = { emoji, count: 1, mine, user_ids: [user_id] };
  if (!reactions.some((one) => one.emoji === emoji)) return [...reactions, fresh];
  return reactions.map((one) =>
    one.emoji !== emoji || one.user_ids.includes(user_id)
      ? one
      : { ...one, count: one.count + 1, mine: one.mine || mine, user_ids: [...one.user_ids, user_id] },
  );
}

function removed(reactions, { emoji, user_id }, own) {
  return reactions
    .map((one) =>
      one.emoji !== emoji
        ? one
        : {
            ...one,
            count: one.count - 1,
            mine: one.mine && user_id !== own,
            user_ids: one.user_ids.filter((id) => id !== user_id),
          },
    )
    .filter((one) => one.count > 0);
}
