-- Who is who. One writer per row: (mimo.users, user_id).
create table person (
  user_id      uuid primary key,
  display_name text,                  -- null: the person was erased
  email        text,                  -- null: the person was erased
  roles        text[] not null,       -- 'student' first (everyone is), then what was granted, in that order
  joined_at    timestamptz not null,
  version      bigint not null        -- of the user's stream, at the last event that changed this row
) with (fillfactor = 90);
