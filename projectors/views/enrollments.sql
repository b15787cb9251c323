-- Who is in which course now. One writer per row: (mimo.enrollments, course_id).
create table enrollment (
  course_id   uuid not null,
  user_id     uuid not null,
  enrolled_at timestamptz not null,
  primary key (course_id, user_id)
);
create index enrollment_of_user on enrollment (user_id, enrolled_at desc, course_id desc);
create index enrollment_roster on enrollment (course_id, enrolled_at desc, user_id desc);

create table enrollment_count (
  course_id      uuid primary key,
  enrolled_count integer not null check (enrolled_count >= 0)
) with (fillfactor = 50);
