-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.channels_v1: by channel_id; a course's channels by course_id in the order (opened_at, channel_id).
create or replace view channels_v1 as
  select channel_id, course_id, owner_id, name, opened_at, last_seq, message_count from channel;
-- read.messages_v1: a channel's timeline by channel_id in the order seq, either way, with seq as its cursor; one message by
-- message_id. Edits and deletions also move the channel's last_seq, not the message's seq.
create or replace view messages_v1 as
  select channel_id, seq, number, message_id, author_id, text, sent_at, edited_at, deleted from shown_message;
grant select on channels_v1, messages_v1 to mimo_query;
