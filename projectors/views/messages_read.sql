-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.channels_v1: by channel_id; a course's channels by course_id in the order (opened_at, channel_id); an owner's by
-- owner_id. A direct channel has `people`, and neither course, owner nor name.
create or replace view channels_v1 as
  select channel_id, course_id, owner_id, name, opened_at, last_seq, message_count, people from channel;
-- read.channel_people_v1: somebody's direct channels by user_id.
create or replace view channel_people_v1 as
  select channel_id, user_id from channel_person;
-- read.messages_v1: a channel's timeline by channel_id in the order seq, either way, with seq as its cursor; a thread's
-- replies by thread_id in the order seq; one message by message_id. Whatever else happens in a channel moves its last_seq,
-- not the message's seq. `reactions` is made when it is asked for: [[emoji, how many, the first 20 people], …], the one that
-- came first first, at most 50, so that nobody can blow up what everybody reads; null: none.
create or replace view messages_v1 as
  select channel_id, seq, number, message_id, author_id, text, sent_at, edited_at, deleted, thread_id, reply_count, mentions,
    -- To look first costs a message without reactions, as most are, a third of grouping none. Not `exists`, which the
    -- planner may answer by a hash of all reactions.
    case when (select true from reaction r where r.message_id = m.message_id limit 1) then (
      select json_agg(json_build_array(r.emoji, r.reacted, r.people) order by r.since, r.emoji)
      from (select emoji, count(*) as reacted, min(reacted_at) as since,
              (array_agg(user_id order by reacted_at, user_id))[:20] as people
            from reaction where message_id = m.message_id group by emoji order by since, emoji limit 50) r) end as reactions
  from shown_message m;
-- read.authored_v1: what somebody said in a channel and was not deleted, by (author_id, channel_id) in the order number.
create or replace view authored_v1 as
  select author_id, channel_id, number from message where text is not null;
-- read.mentions_v1: by (user_id, channel_id) in the order number; by message_id.
create or replace view mentions_v1 as
  select channel_id, user_id, number, message_id from mention;
-- read.reactions_v1: by message_id; whether somebody reacted so by (message_id, emoji, user_id).
create or replace view reactions_v1 as
  select message_id, emoji, user_id, channel_id, reacted_at from reaction;
-- read.message_changes_v1: by message_id in the order seq: versions of the channel's stream.
create or replace view message_changes_v1 as
  select message_id, seq from message_change;
grant select on channels_v1, channel_people_v1, messages_v1, authored_v1, mentions_v1, reactions_v1, message_changes_v1
  to mimo_query;
