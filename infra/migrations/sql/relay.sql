-- The relay: its role, what it notes beside Kafka, and where records go that nobody can read.
do $$
begin
    if not exists (select from pg_roles where rolname = 'mimo_relay') then  -- who may not make roles is given them
        begin
            create role mimo_relay nologin;
        exception
            when duplicate_object or unique_violation then null;  -- roles belong to the whole server
        end;
    end if;
    if not pg_has_role(current_user, 'mimo_relay', 'SET') then
        grant mimo_relay to current_user;
    end if;
end $$;

-- The last offset known to be in each partition of Kafka. Only a note: Kafka's own content says where the relay goes on;
-- this is asked when a partition has lost all its records to retention.
create table log.published (
    topic     text collate "C" not null,
    partition int not null,
    "offset"  bigint not null check ("offset" > 0),
    primary key (topic, partition)
) with (fillfactor = 50);

-- How far the whole log is known to be in Kafka; the relay moves it on every second or so.
create table log.relay (
    only_one boolean primary key default true check (only_one),
    position bigint not null default 0,
    noted_at timestamptz,
    stopped  text                                -- why it refuses to go on; null while it does
) with (fillfactor = 50);
insert into log.relay default values;

-- Records of our topics that could not even be read as events, as they were. Whatever they replaced is in the log.
create table projection.dead_letter (
    topic        text not null,
    partition    integer not null,
    kafka_offset bigint not null,
    timestamp_ms bigint not null,                -- the record's own; a topic made anew counts its offsets from 0 again
    key          bytea,
    value        bytea,
    headers      json not null,                  -- pairs of name and base64
    error        text not null,
    found_at     timestamptz not null default now(),
    primary key (topic, partition, kafka_offset, timestamp_ms)
);

-- How far the relay is, and why it stands still, for those who show it.
create view read.relay as select position, noted_at, stopped from log.relay;

-- Which records could not be read, without what is in them.
create view read.dead_letter as
    select topic, partition, kafka_offset, timestamp_ms, error, found_at from projection.dead_letter;

grant usage on schema log, read to mimo_relay;
grant select on log.installation, log.tail to mimo_relay;
grant select, insert, update, delete on log.published to mimo_relay;
grant select, update on log.relay to mimo_relay;
grant select, insert, delete on projection.dead_letter to mimo_projector;
grant select on read.relay, read.dead_letter to mimo_query, mimo_projector, mimo_relay;
