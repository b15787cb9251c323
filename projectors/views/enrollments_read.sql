-- What readers see of the generation that is first on the search path.
-- read.enrollments_v1: membership by (course_id, user_id); "my courses" by user_id in the order (enrolled_at desc,
-- course_id desc); the roster by course_id in the order (enrolled_at desc, user_id desc). The owner is not in it.
create or replace view read.enrollments_v1 as
  select course_id, user_id, enrolled_at from enrollment;
-- read.enrollment_counts_v1: by course_id; a course without a row never had anyone (count it as 0).
create or replace view read.enrollment_counts_v1 as
  select course_id, enrolled_count from enrollment_count;
grant select on read.enrollments_v1, read.enrollment_counts_v1 to mimo_query;
