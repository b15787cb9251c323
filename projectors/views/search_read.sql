-- What readers see of a generation: made in the first schema on the search path, over the tables in the second.
-- read.search_v1: `words @@ (search.asked($typed) && search.anywhere_in($channels))` is indexed; newest first in the order
-- (sent_at desc, message_id desc), which is also its cursor. Deleted messages and those of the erased are not there.
create or replace view search_v1 as
  select message_id, channel_id, author_id, sent_at, words from shown_entry;
grant select on search_v1 to mimo_query;
