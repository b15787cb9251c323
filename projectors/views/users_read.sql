-- What readers see of the generation that is first on the search path.
-- read.users_v1: look up by user_id (= any(…) for many). Erased people keep their row, with null name and e-mail.
create or replace view read.users_v1 as
  select user_id, display_name, email, roles, joined_at, version from person;
grant select on read.users_v1 to mimo_query;
