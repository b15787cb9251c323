-- Who is muted where, and what was reported. Two kinds of keys in one topic, and one writer per row:
-- (mimo.moderation, course_id) of mutes, (mimo.moderation, channel_id) of reports. Nothing here was ever sealed.

-- A mute whose time is up stays until the person speaks; what `until` means is told by whoever reads.
create table mute (
  course_id uuid not null,
  user_id   uuid not null,
  muted_by  uuid not null,
  muted_at  timestamptz not null,
  until     timestamptz not null,
  primary key (course_id, user_id)
);

create table report (
  report_id   uuid primary key,
  channel_id  uuid not null,
  course_id   uuid,                    -- null: a direct channel, which admins look after
  message_id  uuid not null,
  reason      text not null,
  reported_by uuid not null,
  reported_at timestamptz not null,
  resolved_at timestamptz,             -- null, as the next two are: nobody has looked at it yet
  resolved_by uuid,
  outcome     text
);
create index report_of_course on report (course_id, (resolved_at is null), reported_at desc, report_id desc);
create index report_by_time on report ((resolved_at is null), reported_at desc, report_id desc);
