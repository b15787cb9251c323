-- Erasing a person ends their sessions, like a password change does, and says so: whoever has their key at hand drops it.
drop index log.event_session_end;
create index event_session_end on log.event (at, position)
    where type in ('SessionEnded', 'PasswordChanged', 'UserErased');

drop function log.session_ends(timestamptz, bigint);
create function log.session_ends(after_at timestamptz, after_position bigint)
returns table ("position" bigint, user_id uuid, at timestamptz, erased boolean)
language sql stable security definer set search_path = ''
begin atomic
    select e.position, e.key::uuid, e.at, e.type = 'UserErased' from log.event e
    where e.type in ('SessionEnded', 'PasswordChanged', 'UserErased') and e.at > after_at and e.position > after_position
    order by e.at, e.position;
end;
revoke all on function log.session_ends(timestamptz, bigint) from public;
grant execute on function log.session_ends(timestamptz, bigint) to mimo_command, mimo_projector, mimo_query;

-- Retired generations are followed by nobody, so nobody would erase anything in them. Like create_schema, the one place
-- where a schema's name becomes text.
create function projection.drop_schema(name text) returns void language plpgsql set search_path = pg_catalog as $$
begin
  execute format('drop schema if exists %I cascade', name);
end $$;
