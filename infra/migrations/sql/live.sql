-- What live updates ask the log, at once and in both modes: who may listen, what was taken back, and the keys of texts.

create function log.has_voice(of_user uuid, in_scope text) returns boolean
language sql stable security definer set search_path = ''
begin atomic
    select exists (select from log.claim c where c.scope = in_scope and in_scope like '%/voices' and c.key = of_user::text);
end;

-- Those of these messages that were deleted.
create function log.deleted_messages(of_messages uuid[]) returns setof uuid
language sql stable security definer set search_path = '' set enable_seqscan = off
begin atomic
    select c.key::uuid from log.claim c
    where c.scope = 'deleted_message' and c.key = any (array(select m.id::text from unnest(of_messages) m (id)));
end;

revoke all on function log.has_voice(uuid, text), log.deleted_messages(uuid[]) from public;
grant execute on function log.has_voice(uuid, text), log.deleted_messages(uuid[]), log.data_keys(uuid[]) to mimo_query;
