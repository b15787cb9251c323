-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.mutes_v1: by (course_id, user_id). Only those with `until` in the future are muted.
create or replace view mutes_v1 as
  select course_id, user_id, muted_by, muted_at, until from mute;
-- read.reports_v1: by report_id; a course's, and all, by whether they are open, in the order (reported_at desc, report_id desc).
create or replace view reports_v1 as
  select report_id, channel_id, course_id, message_id, reason, reported_by, reported_at, resolved_at, resolved_by, outcome,
    resolved_at is null as open
  from report;
grant select on mutes_v1, reports_v1 to mimo_query;
