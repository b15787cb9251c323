-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.read_markers_v1: somebody's marks by user_id. A channel without a row was never read.
create or replace view read_markers_v1 as
  select user_id, channel_id, number, read_at from read_marker;
grant select on read_markers_v1 to mimo_query;
