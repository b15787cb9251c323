-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.users_v1: look up by user_id (= any(…) for many). Erased people keep their row, with null name and e-mail.
create or replace view users_v1 as
  select user_id, display_name, email, roles, joined_at, version from person;
grant select on users_v1 to mimo_query;
