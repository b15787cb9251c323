-- Channels and what was said in them. One writer per row: (mimo.messages, channel_id); but for a text that becomes null
-- because its author was erased.
create table channel (
  channel_id    uuid primary key,
  course_id     uuid,                  -- null, as the next two are: a direct channel, of two people
  owner_id      uuid,                  -- who owns the course
  name          text,
  opened_at     timestamptz not null,
  last_seq      bigint not null,       -- the channel stream's version: where a live subscription goes on
  message_count bigint not null,       -- messages ever sent: the number of the last one
  people        uuid[]                 -- the two of a direct channel; null: a course's
) with (fillfactor = 50);
create index channel_of_course on channel (course_id, opened_at, channel_id);
create index channel_of_owner on channel (owner_id) where owner_id is not null;

-- The direct channels of each person.
create table channel_person (
  channel_id uuid not null,
  user_id    uuid not null,
  primary key (user_id, channel_id)
);

create table message (
  channel_id  uuid not null,
  seq         bigint not null,         -- version of its MessageSent in the channel's stream
  number      bigint not null,         -- counts the channel's messages only: 1, 2, 3 …
  message_id  uuid not null,
  author_id   uuid not null,
  text        text,                    -- null: deleted, or its author was erased
  sent_at     timestamptz not null,
  edited_at   timestamptz,
  deleted     boolean not null,
  thread_id   uuid,                    -- the message that began the thread, of a reply
  reply_count integer not null default 0,  -- of the message that began a thread: replies that are not deleted
  mentions    uuid[],                  -- in the order of the text; null: nobody, or deleted
  primary key (channel_id, seq)
);
create unique index message_by_id on message (message_id);
-- What is left to wipe of an author, and the last thing that somebody said in a channel.
create index message_of_author on message (author_id, channel_id, number) where text is not null;
create index message_of_thread on message (thread_id, seq) where thread_id is not null;

-- Who is mentioned where, to be counted: messages that mention nobody have no row.
create table mention (
  channel_id uuid not null,
  user_id    uuid not null,
  number     bigint not null,          -- of the message
  message_id uuid not null,
  primary key (user_id, channel_id, number)
);
create index mention_of_message on mention (message_id);

-- Of messages that are not deleted. What an erased person felt stays: an id, and nothing that was sealed.
create table reaction (
  message_id uuid not null,
  emoji      text not null,
  user_id    uuid not null,
  channel_id uuid not null,
  reacted_at timestamptz not null,
  primary key (message_id, emoji, user_id)
);

-- Edits and deletions: where in the channel's stream the former texts are. They are not copied, so erasing finds none here.
create table message_change (
  message_id uuid not null,
  seq        bigint not null,
  primary key (message_id, seq)
);

-- Everybody who was erased. From the commit on their texts are not shown; whoever writes messages looks here afterwards.
create table erased_author (
  author_id uuid primary key
);

-- The erased whose texts may still be in the table. Not part of the fold: rows go when the texts have gone.
create table unwiped_author (
  author_id uuid primary key
);

-- The messages as they are shown, and as they equal the fold of the log: however much is still to be wiped.
create view shown_message as
  select channel_id, seq, number, message_id, author_id,
    -- Not `exists`, which the planner may answer by a hash of everybody who was ever erased.
    case when (select e.author_id from erased_author e where e.author_id = m.author_id) is null then text end as text,
    sent_at, edited_at, deleted, thread_id, reply_count, mentions
  from message m;

-- Remembers the authors: nothing that they have said is shown from then on. In one order, for several processes do it at
-- the same time.
create function erase(people uuid[]) returns void language sql
begin atomic
  with erased as (
    insert into erased_author select distinct a from unnest(people) a order by a
    on conflict do nothing returning author_id)
  insert into unwiped_author select author_id from erased;
end;

create function unwiped(most integer) returns setof uuid language sql stable
begin atomic
  select author_id from unwiped_author limit most;
end;

-- Takes texts out of the table, when none was left it remembers that. Never waits for rows: who writes to them would
-- perhaps wait for others of these.
create function wipe(people uuid[], most integer) returns bigint language sql
begin atomic
  delete from unwiped_author u where u.author_id = any (people)
    and not exists (select from message m where m.author_id = u.author_id and m.text is not null);
  with wiped as (
    update message set text = null where message_id = any (array(
      select message_id from message where author_id = any (people) and text is not null
      limit most for update skip locked))
    returning 1)
  select count(*) from wiped;
end;
