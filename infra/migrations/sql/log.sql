-- The log: the only truth. `log.append` (append.sql) is its only writer.
-- Texts are compared byte by byte (collation "C"): identifiers, not prose.

create schema log;

create table log.installation (
    only_one   boolean primary key default true check (only_one),
    log_id     uuid not null,                 -- this history's id; renewed by a restore
    partitions int not null check (partitions between 1 and 10000),
    created_at timestamptz not null default now()
);

-- Positions, versions and offsets are dense from 1, in commit order: they go on from their own unique indexes.
create table log.event (
    position  bigint not null,
    version   bigint not null,
    "offset"  bigint not null,
    at        timestamptz not null,
    partition int not null,
    schema    int not null,
    id        uuid not null,
    stream    text collate "C" not null,
    topic     text collate "C" not null,
    key       text collate "C" not null,
    type      text collate "C" not null,
    data      json not null,
    meta      json not null,
    constraint event_position primary key (position),
    constraint event_id unique (id),
    constraint event_stream_version unique (stream, version),
    constraint event_topic_offset unique (topic, partition, "offset")
);

-- What both APIs follow to learn of ended sessions; tiny, because such events are rare.
create index event_session_end on log.event (at, position) where type in ('SessionEnded', 'PasswordChanged');

create table log.claim (
    scope    text collate "C" not null,
    key      text collate "C" not null check (octet_length(key) <= 200),
    event_id uuid not null,                   -- the event that took it
    primary key (scope, key)
);

-- How many keys a scope may hold and holds. Every change is a new row, never an update: under a long-held snapshot
-- a row that is updated again and again gets slower to find each time.
create table log.scope_count (
    scope    text collate "C" not null,
    change   bigint not null,
    capacity bigint,                          -- null: any number
    held     bigint not null,
    primary key (scope, change)
);

-- Password hashes, refresh families, data keys: they change atomically with events and are never events.
create table log.private (
    name    text collate "C" primary key,
    value   bytea not null,
    version bigint not null
);

-- One slot a day, used again after nine days and emptied before (`log.forget_old_keys`): eight hold the
-- seven days that are promised, the ninth is the one to empty. A slot always exists, so no append ever fails for want of one.
create table log.idempotency (
    actor       text collate "C" not null,
    key         text collate "C" not null check (octet_length(key) <= 200),
    slot        int not null,
    fingerprint bytea not null,
    event_ids   uuid[] not null,              -- the first outcome
    at          timestamptz not null,
    primary key (actor, key, slot)
) partition by list (slot);
create table log.idempotency_0 partition of log.idempotency for values in (0);
create table log.idempotency_1 partition of log.idempotency for values in (1);
create table log.idempotency_2 partition of log.idempotency for values in (2);
create table log.idempotency_3 partition of log.idempotency for values in (3);
create table log.idempotency_4 partition of log.idempotency for values in (4);
create table log.idempotency_5 partition of log.idempotency for values in (5);
create table log.idempotency_6 partition of log.idempotency for values in (6);
create table log.idempotency_7 partition of log.idempotency for values in (7);
create table log.idempotency_8 partition of log.idempotency for values in (8);

create function log.idempotency_slot(moment timestamptz) returns int language sql immutable
return (floor(extract(epoch from moment) / 86400)::bigint % 9)::int;

-- Empties the slot that tomorrow will use. TRUNCATE gives its file back at once, as dropping a partition would.
create function log.forget_old_keys() returns void language plpgsql security definer
set search_path = '' set lock_timeout = '200ms' as $$
declare
    -- keys carry the log's own time, which never runs back; a clock that was set back must not empty their slot
    newest timestamptz := (select e.at from log.event e order by e.position desc limit 1);
    tomorrow int := log.idempotency_slot(greatest(now(), newest) + interval '1 day');
begin
    execute format('truncate log.%I', 'idempotency_' || tomorrow);
exception when lock_not_available then
    null;  -- busy now; the next call, an hour later, has a day's time to do it
end $$;
