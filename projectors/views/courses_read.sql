-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.courses_v1: the catalogue is `status = 'published'` in the order (created_at desc, course_id desc), which is also its
-- cursor; own courses by owner_id in the same order. `search @@ websearch_to_tsquery('simple', $q)` and `tags @> array[$tag]`
-- are indexed. Draft → published → archived, never back.
create or replace view courses_v1 as
  select course_id, owner_id, title, description, tags, capacity, status, created_at, published_at, version, search
  from course;
grant select on courses_v1 to mimo_query;
