-- What the operators' desk shows beside the log: how far an operation is, and which processes there are. Nothing here is
-- the truth about anything, so none of it needs to survive a crash of the server.

create schema operations;

-- How far an operation is, told about once a second by whoever carries it out; gone when it has ended.
create unlogged table operations.progress (
  operation_id uuid primary key,
  doing        text not null,              -- what it does at the moment, such as 'building messages_v1_g2'
  done         bigint not null,            -- events, of so many
  total        bigint not null,
  begun_at     timestamptz not null default now(),
  told_at      timestamptz not null default now()
);

-- The processes of the system: each says every few seconds that it is there. One that is silent was killed or is cut off.
create unlogged table operations.process (
  id         uuid primary key,
  part       text not null,                -- what it is, such as 'query API'
  host       text not null,
  pid        integer not null,
  version    text not null,                -- of the code
  started_at timestamptz not null,
  told_at    timestamptz not null default now(),
  not_ready  jsonb not null                -- as /readyz has it: [{"name": …, "reason": …}]; empty: ready
);

-- The builds of each projection that are there, and how far each is behind the log.
create view read.generation as
  select g.projection, g.version, g.generation, g.status, g.created_at, g.live_at,
    (select coalesce(sum(greatest(coalesce((
          select e."offset" from log.event e where e.topic = c.topic and e.partition = c.partition
          order by e."offset" desc limit 1), 0) - c."offset", 0)), 0)::bigint
     from projection.checkpoint c
     where c.projection = g.projection and c.generation = g.generation) as events_behind,
    (select max(c.stopped) from projection.checkpoint c
     where c.projection = g.projection and c.generation = g.generation) as stopped,
    (select count(*) from projection.parked p
     where p.projection = g.projection and p.generation = g.generation) as parked,
    (select coalesce(sum(pg_total_relation_size(t.oid)), 0)::bigint
     from pg_class t join pg_namespace n on n.oid = t.relnamespace
     where t.relkind = 'r' and n.nspname = format('%s_v%s_g%s', g.projection, g.version, g.generation)) as bytes
  from projection.generation g
  where g.status <> 'retired';

-- The keys of which events are parked, in every build: what an operator applies or gives up is a key.
create view read.parked_key as
  select g.projection, g.version, p.generation, p.topic, p.partition, p.key, count(*) as events,
    min(p."offset") as first_offset, (
      select e.position from log.event e
      where e.topic = p.topic and e.partition = p.partition and e."offset" = min(p."offset")) as position,
    (array_agg(p.type order by p."offset"))[1] as type,
    (array_agg(p.error order by p."offset"))[1] as error, min(p.parked_at) as parked_at
  from projection.parked p join projection.generation g using (projection, generation)
  where g.status <> 'retired'
  group by p.projection, g.projection, g.version, p.generation, p.topic, p.partition, p.key;

create view read.progress as select operation_id, doing, done, total, begun_at, told_at from operations.progress;
create view read.process as
  select id, part, host, pid, version, started_at, told_at, not_ready from operations.process;

grant usage on schema operations to mimo_command, mimo_projector, mimo_query, mimo_relay;
grant select, insert, update, delete on operations.progress to mimo_projector;
grant select, insert, update, delete on operations.process to mimo_command, mimo_projector, mimo_query, mimo_relay;
grant select on read.generation, read.parked_key, read.progress, read.process to mimo_query, mimo_projector;
