-- Who may ask the log what. Each function opens just what its caller needs; no role reads log.private itself.

-- The first outcome of an idempotency key, within the seven days that keys are kept.
create function log.outcome(of_actor text, of_key text) returns table (fingerprint bytea, event_ids uuid[])
language sql stable security definer set search_path = ''
begin atomic
    select i.fingerprint, i.event_ids from log.idempotency i
    where i.actor = of_actor and i.key = of_key and i.at > now() - interval '7 days'
    limit 1;
end;

create function log.roles(of_user uuid) returns text[]
language sql stable security definer set search_path = ''
begin atomic
    select array(select c.key from log.claim c where c.scope = 'role/' || of_user order by c.key);
end;

-- Who has this address, with what signing in needs; no row when nobody has.
create function log.login(of_email_hmac text)
returns table (user_id uuid, password_hash bytea, password_version bigint, roles text[])
language sql stable security definer set search_path = ''
begin atomic
    select e.key::uuid, p.value, p.version, log.roles(e.key::uuid)
    from log.claim c
    join log.event e on e.id = c.event_id
    join log.private p on p.name = 'password/' || e.key
    where c.scope = 'email' and c.key = of_email_hmac;
end;

-- The password of somebody who is signed in and wants to change it.
create function log.password(of_user uuid) returns table (password_hash bytea, password_version bigint)
language sql stable security definer set search_path = ''
begin atomic
    select p.value, p.version from log.private p where p.name = 'password/' || of_user;
end;

-- A session's refresh family: JSON that names its user, as the command API stored it.
create function log.refresh_state(of_session uuid) returns table (user_id uuid, value bytea, version bigint, roles text[])
language sql stable security definer set search_path = ''
begin atomic
    select u.id, p.value, p.version, log.roles(u.id)
    from log.private p, lateral (select (convert_from(p.value, 'UTF8')::json ->> 'user_id')::uuid) u (id)
    where p.name = 'refresh/' || of_session;
end;

create function log.session_active(of_user uuid, of_session uuid) returns boolean
language sql stable security definer set search_path = ''
begin atomic
    select exists (select from log.claim c where c.scope = 'session/' || of_user and c.key = of_session::text);
end;

-- Somebody's sessions that go on, and when each was refreshed last, in seconds since the epoch; the newest first.
create function log.sessions(of_user uuid)
returns table (session_id uuid, started_at timestamptz, refreshed_at double precision)
language sql stable security definer set search_path = ''
begin atomic
    select c.key::uuid, e.at, (convert_from(p.value, 'UTF8')::json ->> 'rotated_at')::double precision
    from log.claim c
    join log.event e on e.id = c.event_id
    join log.private p on p.name = 'refresh/' || c.key
    where c.scope = 'session/' || of_user
    order by e.position desc;
end;

-- Forgets the refresh families of sessions that ended: nothing can be done with them any more.
create function log.forget_ended_sessions() returns void
language sql volatile security definer set search_path = ''
begin atomic
    delete from log.private p
    where p.name >= 'refresh/' and p.name < 'refresh0' and not exists (
        select from log.claim c
        where c.scope = 'session/' || (convert_from(p.value, 'UTF8')::json ->> 'user_id')
          and c.key = substr(p.name, length('refresh/') + 1));
end;

-- Events that ended sessions since a moment and a position, oldest first.
create function log.session_ends(after_at timestamptz, after_position bigint)
returns table ("position" bigint, user_id uuid, at timestamptz)
language sql stable security definer set search_path = ''
begin atomic
    select e.position, e.key::uuid, e.at from log.event e
    where e.type in ('SessionEnded', 'PasswordChanged') and e.at > after_at and e.position > after_position
    order by e.at, e.position;
end;

-- The keys that seal the personal data of these people; erased ones are missing.
create function log.data_keys(of_users uuid[]) returns table (user_id uuid, key bytea)
language sql stable security definer set search_path = '' set enable_seqscan = off
begin atomic
    -- One list of names, not a join: people who came together are neighbours in the index, and are found by one walk.
    select substr(p.name, length('data_key/') + 1)::uuid, p.value from log.private p
    where p.name = any (array(select 'data_key/' || u.id from unnest(of_users) u (id)));
end;

create view log.tail as select * from log.event;

revoke all on all functions in schema log from public;
grant usage on schema log to mimo_command, mimo_projector, mimo_query;
grant select on log.installation to mimo_command, mimo_projector, mimo_query;

grant execute on all functions in schema log to mimo_command;
grant select on log.event, log.claim to mimo_command;

grant execute on function log.data_keys(uuid[]) to mimo_projector;
grant select on log.event, log.tail to mimo_projector;

grant execute on function
    log.session_active(uuid, uuid), log.sessions(uuid), log.session_ends(timestamptz, bigint) to mimo_query;
grant select on log.tail to mimo_query;
