-- Generations that nobody keeps up with the log: what somebody looks at in a scratch schema, and what is left of another
-- version of the code.

alter table projection.generation drop constraint generation_status_check;
alter table projection.generation add constraint generation_status_check
  check (status in ('building', 'standby', 'live', 'aside', 'scratch', 'retired'));
comment on column projection.generation.status is
  'building: replay fills it; standby: kept up with the log, not shown; live: the one that readers see; aside: for a comparison; scratch: a part of the log, to be looked at; retired: dropped';

-- Of one that should be followed: since when nobody was seen to do so. Null while somebody does.
alter table projection.generation add column unfollowed_since timestamptz;

-- Parts of the log that somebody wants to look at for some days: a schema of this name has the views that readers know
-- over the tables of a generation, which follows nothing and so has no checkpoints. Here only when it is complete.
create table projection.scratch (
  name       text primary key check (name ~ '^scratch_[a-z0-9_]{1,55}$'),
  projection text not null,
  generation integer not null,
  upto       bigint not null,       -- the position of the log up to which it is built
  stream     text,                  -- of this stream only; null: of all
  key        text,                  -- of this key only; null: of all
  keep_until timestamptz not null,  -- then it is dropped
  unique (projection, generation),
  foreign key (projection, generation) references projection.generation on delete cascade
);
grant select, insert, delete on projection.scratch to mimo_projector;
