-- Erasing a person ends their sessions, like a password change does.
drop index log.event_session_end;
create index event_session_end on log.event (at, position)
    where type in ('SessionEnded', 'PasswordChanged', 'UserErased');

create or replace function log.session_ends(after_at timestamptz, after_position bigint)
returns table ("position" bigint, user_id uuid, at timestamptz)
language sql stable security definer set search_path = ''
begin atomic
    select e.position, e.key::uuid, e.at from log.event e
    where e.type in ('SessionEnded', 'PasswordChanged', 'UserErased') and e.at > after_at and e.position > after_position
    order by e.at, e.position;
end;
