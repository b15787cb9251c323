-- What every message is found by. One writer per row: (mimo.messages, channel_id); but for rows that go because their
-- author was erased. What has no text has no row.
create table entry (
  message_id uuid primary key,
  channel_id uuid not null,
  author_id  uuid not null,
  sent_at    timestamptz not null,
  words      tsvector not null         -- of its text as it is now, and its channel (schema search has the rule)
) with (fillfactor = 90);
-- A short pending list: every search reads it from one end to the other.
create index entry_words on entry using gin (words) with (gin_pending_list_limit = 512);
create index entry_of_author on entry (author_id);

-- Everybody who was erased. From the commit on nothing of theirs is found; whoever writes looks here afterwards.
create table erased_writer (
  author_id uuid primary key
);

-- The erased of whom rows may still be in the table. Not part of the fold: rows go when the others have gone.
create table unwiped_writer (
  author_id uuid primary key
);

-- The rows that can be found, and as they equal the fold of the log: however much is still to be wiped. Who was wiped has
-- none, so only those are looked for of whom some may be left: mostly nobody.
create view shown_entry as
  select message_id, channel_id, author_id, sent_at, words from entry e
  where not exists (select from unwiped_writer u where u.author_id = e.author_id);

-- Remembers the authors: nothing that they have said is found from then on. In one order, for several processes do it at
-- the same time.
create function erase(people uuid[]) returns void language sql
begin atomic
  with erased as (
    insert into erased_writer select distinct a from unnest(people) a order by a
    on conflict do nothing returning author_id)
  insert into unwiped_writer select author_id from erased;
end;

create function unwiped(most integer) returns setof uuid language sql stable
begin atomic
  select author_id from unwiped_writer limit most;
end;

-- Takes rows out of the table, when none was left it remembers that. Never waits for rows: who writes to them would
-- perhaps wait for others of these.
create function wipe(people uuid[], most integer) returns bigint language sql
begin atomic
  delete from unwiped_writer u where u.author_id = any (people)
    and not exists (select from entry e where e.author_id = u.author_id);
  with wiped as (
    delete from entry where message_id = any (array(
      select message_id from entry where author_id = any (people) limit most for update skip locked))
    returning 1)
  select count(*) from wiped;
end;
