-- The books of the projections (schema projection) and what readers may see (schema read).
-- The tables of the views themselves are not here: each projection brings its own DDL (projectors/views/*.sql), and the
-- projector process makes a schema per generation (users_v1_g1, …) from it.

create schema projection;
create schema read;

-- One row per build of a projection from the log.
create table projection.generation (
  projection text not null,
  version    integer not null check (version > 0),     -- of the projection's shape, in code
  generation integer not null check (generation > 0),  -- counts the builds of the projection, over all versions
  status     text not null check (status in ('building', 'standby', 'live', 'aside', 'retired')),
  log_id     uuid not null,                            -- the history that it was built from
  created_at timestamptz not null default now(),
  live_at    timestamptz,                              -- since when, or when last, readers saw it; null: never
  primary key (projection, generation)
);
comment on column projection.generation.status is
  'building: replay fills it; standby: kept up with the log, not shown; live: the one that readers see; aside: for a comparison; retired: dropped';
create unique index generation_live on projection.generation (projection, version) where status = 'live';

-- How far a generation has come. Moves in the transaction that changes the view, and by compare-and-set only.
create table projection.checkpoint (
  projection text not null,
  generation integer not null,
  topic      text not null,
  partition  integer not null,
  "offset"   bigint not null check ("offset" >= 0),  -- the last one applied; 0 at birth
  hint       bigint,                                 -- Kafka's own next offset, only a hint where to look
  stopped    text,                                   -- why it stands still (an event that cannot be applied); null while it moves
  primary key (projection, generation, topic, partition),
  foreign key (projection, generation) references projection.generation on delete cascade
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Events that could not be applied, together with all later events of their key. The events themselves are in the log.
create table projection.parked (
  projection text not null,
  generation integer not null,
  topic      text not null,
  partition  integer not null,
  "offset"   bigint not null,
  key        text not null,
  event_id   uuid not null,
  type       text not null,
  error      text not null,  -- what went wrong, without any of the event's data; 'behind <offset>' for those that only wait
  parked_at  timestamptz not null default now(),
  primary key (projection, generation, topic, partition, "offset"),
  foreign key (projection, generation) references projection.generation on delete cascade
);
create index parked_key on projection.parked (projection, generation, topic, key);

-- DDL cannot take parameters; this is the one place where a schema's name becomes text, quoted by format().
create function projection.create_schema(name text) returns void language plpgsql set search_path = pg_catalog as $$
begin
  execute format('create schema %I', name);
end $$;

-- The checkpoints that the present answers of read.* reflect.
create view read.checkpoint as
  select g.projection, g.version, c.topic, c.partition, c."offset", c.stopped, g.generation
  from projection.generation g join projection.checkpoint c using (projection, generation)
  where g.status = 'live';

-- Those of one projection, for look-ups to read in their own statement: by topic, in the order given, and partition. Plain
-- on purpose (no settings, not strict): so it is put into the statement and planned with it. Null without any.
create function read.checkpoints(of_projection text, of_version integer, of_topics text[])
returns table (offsets bigint[]) language sql stable
begin atomic
  select array_agg(c."offset" order by array_position(of_topics, c.topic), c.partition)
  from read.checkpoint c
  where c.projection = of_projection and c.version = of_version and c.topic = any (of_topics);
end;

create view read.parked as
  select g.projection, g.version, p.topic, p.partition, p."offset", p.key, p.event_id, p.type, p.error, p.parked_at
  from projection.generation g join projection.parked p using (projection, generation)
  where g.status = 'live';

grant usage on schema projection to mimo_projector;
grant select, insert, update, delete on all tables in schema projection to mimo_projector;
grant usage, create on schema read to mimo_projector;
grant usage on schema read to mimo_query;
grant select on read.checkpoint, read.parked to mimo_query, mimo_projector;
revoke all on function read.checkpoints(text, integer, text[]) from public;
grant execute on function read.checkpoints(text, integer, text[]) to mimo_query;
do $$ begin
  execute format('grant create on database %I to mimo_projector', current_database());
end $$;
