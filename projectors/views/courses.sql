-- The catalogue of courses. One writer per row: (mimo.courses, course_id).
create table course (
  course_id    uuid primary key,
  owner_id     uuid not null,
  title        text not null,
  description  text not null,
  tags         text[] not null,
  capacity     integer,               -- null: as many as come
  status       text not null check (status in ('draft', 'published', 'archived')),
  created_at   timestamptz not null,
  published_at timestamptz,           -- null: never published; kept when archived
  version      bigint not null,       -- of the course's stream: what If-Match compares
  search       tsvector not null generated always as (
    setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', description), 'B')) stored
) with (fillfactor = 90);
create index course_catalogue on course (created_at desc, course_id desc) where status = 'published';
create index course_of_owner on course (owner_id, created_at desc, course_id desc);
create index course_search on course using gin (search);
create index course_tags on course using gin (tags);
