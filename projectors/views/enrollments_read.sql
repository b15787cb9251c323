-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.enrollments_v1: membership by (course_id, user_id); "my courses" by user_id in the order (enrolled_at desc,
-- course_id desc); the roster by course_id in the order (enrolled_at desc, user_id desc). The owner is not in it.
create or replace view enrollments_v1 as
  select course_id, user_id, enrolled_at from enrollment;
-- read.enrollment_counts_v1: by course_id; a course without a row never had anyone (count it as 0).
create or replace view enrollment_counts_v1 as
  select course_id, enrolled_count from enrollment_count;
grant select on enrollments_v1, enrollment_counts_v1 to mimo_query;
