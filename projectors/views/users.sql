-- Who is who. One writer per row: (mimo.users, user_id).
create table person (
  user_id      uuid primary key,
  display_name text,                  -- null: the person was erased
  email        text,                  -- null: the person was erased
  roles        text[] not null,       -- 'student' first (everyone is), then what was granted, in that order
  joined_at    timestamptz not null,
  version      bigint not null        -- of the user's stream, at the last event that changed this row
) with (fillfactor = 90);

-- That there is no address says from then on that the person was erased.
create function erase(people uuid[]) returns void language sql
begin atomic
  update person set display_name = null, email = null where user_id = any (people) and email is not null;
end;
