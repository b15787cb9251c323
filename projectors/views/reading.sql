-- How far everybody has read. One writer per row: (mimo.reading, user_id).
create table read_marker (
  user_id    uuid not null,
  channel_id uuid not null,
  number     bigint not null,          -- of the last message seen: the highest that was ever said
  read_at    timestamptz not null,     -- when it was said first
  primary key (user_id, channel_id)
) with (fillfactor = 80);
