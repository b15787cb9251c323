-- log.append: the only writer of the log. One call stores a batch of commands, each entirely or not at all.
--
-- The outcome equals running the commands one at a time in arrival order. Commands that cannot influence one another are
-- decided together, set-wise. Those that could (the same claim, a stream with an expected version, a scope with fewer
-- seats left than takers, a private value, an idempotency key) are decided in rounds: in each round every command takes
-- part that no earlier undecided one could influence. Takers of seats share a round and are served in arrival order.
-- Rounds only decide; the events of all accepted commands are inserted at the end, in arrival order.
--
-- It is VOLATILE and runs in READ COMMITTED, so every statement after the lock sees all that was committed before it.
-- Every look-up is an index probe whatever the statistics say: hence the planner settings, scalar subqueries and loops.
--
-- Arguments: arrays side by side, one group per prefix; `command` counts from 1.
--   e_: the events, in order.           x_: versions that streams must have.
--   c_: claims. op: n must be held, a must not be held, t taken (must be free, unless the command itself releases it
--       before), r released, o all others of the scope released (key '' keeps none), l the scope's limit set
--       (key: number, '' none). event: the event that takes it. Checked in the order given.
--   p_: private values. op: s set, d delete, c check. version: what it must be now (0 absent, null any).
--   k_: idempotency keys.
--   resend: the outcome of an earlier call with these event ids is unknown; first see whether they are in the log.
-- Answer: one row. Positions, versions and offsets of the events of accepted commands, in order; and what was
--   refused, with the reason and the claim, stream or name concerned. `ids`: the event that took the claim; for
--   `replayed`, the events of the first outcome.

create type log.refusal as (command int, reason text, scope text, key text, ids uuid[]);

create function log.append(
    commands int,
    e_command int[], e_id uuid[], e_stream text[], e_topic text[], e_partition int[], e_key text[],
    e_type text[], e_schema int[], e_data text[], e_meta text[],
    x_command int[], x_stream text[], x_version bigint[],
    c_command int[], c_op text[], c_scope text[], c_key text[], c_event uuid[],
    p_command int[], p_op text[], p_name text[], p_value bytea[], p_version bigint[],
    k_command int[], k_actor text[], k_key text[], k_fingerprint bytea[],
    resend boolean,
    out positions bigint[], out versions bigint[], out offsets bigint[], out refusals log.refusal[]
) language plpgsql volatile security definer
set search_path = ''
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
    undecided constant int := 0;
    accepted constant int := 1;
    refused constant int := 2;
    deciding constant int := 3;        -- takes part in this round
    state int[] := array_fill(undecided, array[commands]);
    last_position bigint;
    moment timestamptz;
    -- what commands touch that another command of the batch touches too, and one of them changes
    t_command int[];
    t_resource text[];
    t_mode text[];                     -- r reads, w changes, c takes seats (many may, in order)
    item record;
begin
    perform pg_advisory_xact_lock(x'6d696d6f'::int);  -- "mimo"; held until commit
    refusals := array[]::log.refusal[];

    select e.position, e.at into last_position, moment from log.event e order by e.position desc limit 1;
    last_position := coalesce(last_position, 0);
    moment := greatest(clock_timestamp(), moment);

    if resend then
        for item in
            select e.command, array_agg(e.id order by e.n) as ids
            from unnest(e_command, e_id) with ordinality e (command, id, n)
            where exists (select from log.event l where l.id = e.id)
            group by e.command
        loop
            state[item.command] := refused;
            refusals := refusals || (item.command, 'replayed', '', '', item.ids)::log.refusal;
        end loop;
    end if;

    if commands > 1 then
        select * into t_command, t_resource, t_mode from log.conflicts(
            e_command, e_stream, x_command, x_stream, c_command, c_op, c_scope, c_key, p_command, p_op, p_name,
            k_command, k_actor, k_key);
    end if;

    loop
        if t_command is null then
            state := array_replace(state, undecided, deciding);
        else
            state := log.next_round(state, t_command, t_resource, t_mode);
        end if;
        exit when not deciding = any (state);

        -- Checks, each for those whom the ones before did not refuse: the first reason found is the answer.
        if cardinality(k_command) > 0 then
            for item in
                select k.command, k.key, i.event_ids as ids,
                    case when i.fingerprint = k.fingerprint then 'replayed' else 'reused_key' end as reason
                from unnest(k_command, k_actor, k_key, k_fingerprint) k (command, actor, key, fingerprint)
                cross join lateral (
                    select i.fingerprint, i.event_ids from log.idempotency i
                    where i.actor = k.actor and i.key = k.key and i.at > moment - interval '7 days'
                    limit 1
                ) i
                where state[k.command] = deciding
            loop
                state[item.command] := refused;
                refusals := refusals || (item.command, item.reason, '', item.key, item.ids)::log.refusal;
            end loop;
        end if;

        if cardinality(x_command) > 0 then
            for item in
                select x.command, x.stream from unnest(x_command, x_stream, x_version) x (command, stream, version)
                where state[x.command] = deciding and x.version <> coalesce(
                    (select e.version from log.event e where e.stream = x.stream order by e.version desc limit 1), 0)
                    + (select count(*) from unnest(e_command, e_stream) e (command, stream)
                       where e.stream = x.stream and state[e.command] = accepted)
            loop
                continue when state[item.command] = refused;
                state[item.command] := refused;
                refusals := refusals || (item.command, 'version', item.stream, '', null)::log.refusal;
            end loop;
        end if;

        if cardinality(p_command) > 0 then
            for item in
                select p.command, p.name from unnest(p_command, p_op, p_name, p_value, p_version) p (command, op, name, value, version)
                where state[p.command] = deciding
                  and p.version <> coalesce((select v.version from log.private v where v.name = p.name), 0)
                  -- a resent change that already took effect is no conflict
                  and not (resend and p.op = 's' and exists (
                      select from log.private v where v.name = p.name and v.value = p.value))
            loop
                continue when state[item.command] = refused;
                state[item.command] := refused;
                refusals := refusals || (item.command, 'stale', item.name, '', null)::log.refusal;
            end loop;
        end if;

        if cardinality(c_command) > 0 then
            for item in
                select h.* from (
                    select c.*, (select l.event_id from log.claim l where l.scope = c.scope and l.key = c.key) as held_by
                    from unnest(c_command, c_op, c_scope, c_key) with ordinality c (command, op, scope, key, n)
                    where c.op in ('n', 'a', 't') and state[c.command] = deciding
                ) h
                where (h.op = 'n') = (h.held_by is null)
                  -- Who gives a claim back may take it anew. A list that does not depend on h is hashed, once.
                  and not (h.op = 't' and (h.command, h.scope, h.key, true) in (
                      select r.command, r.scope, r.key, r.op = 'r' from (
                          select c.*, row_number() over (partition by c.command, c.scope, c.key order by c.n) as place
                          from unnest(c_command, c_op, c_scope, c_key) with ordinality c (command, op, scope, key, n)
                          where c.op in ('r', 't')) r
                      where r.place = 1))
                order by h.n
            loop
                continue when state[item.command] = refused;
                state[item.command] := refused;
                refusals := refusals || (item.command, case when item.op = 'n' then 'missing' else 'taken' end,
                    item.scope, item.key, array[item.held_by])::log.refusal;
            end loop;
        end if;

        -- Seats: of those to whom nothing else is in the way, the first ones in arrival order.
        if 't' = any (c_op) then
            for item in
                select p.command, p.scope from (
                    select u.command, u.scope,
                        row_number() over (partition by u.scope order by u.command) as place,
                        max(case when u.first then log.seats_left(u.scope) end) over (partition by u.scope) as seats_left
                    from (
                        select d.*, row_number() over (partition by d.scope) = 1 as first
                        from (
                            select distinct c.command, c.scope, c.key
                            from unnest(c_command, c_op, c_scope, c_key) c (command, op, scope, key)
                            where c.op = 't' and state[c.command] = deciding
                        ) d
                    ) u
                ) p
                where p.place > p.seats_left
            loop
                continue when state[item.command] = refused;
                state[item.command] := refused;
                refusals := refusals || (item.command, 'full', item.scope, '', null)::log.refusal;
            end loop;
        end if;

        -- What accepted commands change is in place before the next round looks.
        if not c_op <@ array['n', 'a'] then
            perform log.change_claims(state, c_command, c_op, c_scope, c_key, c_event);
        end if;
        if cardinality(p_command) > 0 then
            perform log.change_private(state, p_command, p_op, p_name, p_value);
        end if;
        if cardinality(k_command) > 0 then
            insert into log.idempotency as i
            select k.actor, k.key, log.idempotency_slot(moment), k.fingerprint,
                array(select e.id from unnest(e_command, e_id) with ordinality e (command, id, n)
                      where e.command = k.command order by e.n), moment
            from unnest(k_command, k_actor, k_key, k_fingerprint) k (command, actor, key, fingerprint)
            where state[k.command] = deciding
            on conflict (actor, key, slot) do update  -- one of nine days ago, not yet emptied
            set fingerprint = excluded.fingerprint, event_ids = excluded.event_ids, at = excluded.at;
        end if;

        state := array_replace(state, deciding, accepted);
        exit when t_command is null;
    end loop;

    with taken as (
        select e.*,
            row_number() over (order by e.n) as place,
            row_number() over (partition by e.stream order by e.n) as in_stream,
            row_number() over (partition by e.topic, e.partition order by e.n) as in_partition
        from unnest(e_command, e_id, e_stream, e_topic, e_partition, e_key, e_type, e_schema, e_data, e_meta)
            with ordinality e (command, id, stream, topic, partition, key, type, schema, data, meta, n)
        where state[e.command] = accepted
    ), numbered as (
        select t.*,
            last_position + t.place as position,
            t.in_stream + max(case when t.in_stream = 1 then coalesce(
                (select l.version from log.event l where l.stream = t.stream order by l.version desc limit 1), 0) end)
                over (partition by t.stream) as version,
            t.in_partition + max(case when t.in_partition = 1 then coalesce(
                (select l."offset" from log.event l where l.topic = t.topic and l.partition = t.partition
                 order by l."offset" desc limit 1), 0) end)
                over (partition by t.topic, t.partition) as "offset"
        from taken t
    ), stored as (
        insert into log.event
            (position, version, "offset", at, partition, schema, id, stream, topic, key, type, data, meta)
        select n.position, n.version, n."offset", moment, n.partition, n.schema, n.id, n.stream, n.topic, n.key, n.type,
               n.data::json, n.meta::json
        from numbered n order by n.position
    )
    select array_agg(n.position order by n.n), array_agg(n.version order by n.n), array_agg(n."offset" order by n.n)
    into positions, versions, offsets from numbered n;

    if positions is not null then
        perform pg_notify('mimo_log', '');  -- only wakes a poll; it is never the data
    end if;
end $$;

-- What several commands of the batch touch and at least one of them changes; three nulls when nothing is so.
create function log.conflicts(
    e_command int[], e_stream text[], x_command int[], x_stream text[],
    c_command int[], c_op text[], c_scope text[], c_key text[], p_command int[], p_op text[], p_name text[],
    k_command int[], k_actor text[], k_key text[],
    out command int[], out resource text[], out mode text[]
) language plpgsql volatile
set search_path = '' set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    emptied text[];                    -- scopes that a command of the batch empties
    tight text[];                      -- scopes with fewer seats left than takers who compete or wait for one that
                                       -- leaves, or whose limit changes
begin
    if c_op <@ array['n', 'a'] and cardinality(x_command) = 0 and cardinality(p_command) = 0
       and cardinality(k_command) = 0 then
        return;
    end if;
    if 'o' = any (c_op) then
        select array_agg(distinct c.scope) into emptied
        from unnest(c_op, c_scope) c (op, scope) where c.op = 'o';
    end if;
    select array_agg(t.scope) into tight from (
        select c.scope, count(*) filter (where c.op = 't') as takers, bool_or(c.op = 'l') as limit_changes,
            bool_or(c.op in ('r', 'o')) as somebody_leaves
        from unnest(c_op, c_scope) c (op, scope) where c.op in ('t', 'l', 'o', 'r') group by c.scope
    ) t
    where t.limit_changes or ((t.takers > 1 or t.somebody_leaves) and t.takers > log.seats_left(t.scope));

    with touched (command, resource, mode) as (
        select c.command, 'claim ' || c.scope || E'\n' || c.key, case when c.op in ('t', 'r') then 'w' else 'r' end
        from unnest(c_command, c_op, c_scope, c_key) c (command, op, scope, key) where c.op in ('n', 'a', 't', 'r')
        union all
        select c.command, 'scope ' || c.scope, case when c.op in ('n', 'a') then 'r' else 'w' end
        from unnest(c_command, c_op, c_scope) c (command, op, scope) where c.op <> 'l' and c.scope = any (emptied)
        union all
        -- who takes seats in several tight scopes, or several in one, waits for all earlier takers
        select s.command, 'seats ' || s.scope, case when s.changes or s.takes > 1
            or count(*) over (partition by s.command) > 1 then 'w' else 'c' end
        from (
            select c.command, c.scope, bool_or(c.op <> 't') as changes, count(*) filter (where c.op = 't') as takes
            from unnest(c_command, c_op, c_scope) c (command, op, scope)
            where c.op in ('t', 'r', 'o', 'l') and c.scope = any (tight)
            group by c.command, c.scope
        ) s
        union all
        select e.command, 'stream ' || e.stream, 'w'
        from unnest(e_command, e_stream) e (command, stream) where e.stream = any (x_stream)
        union all
        select x.command, 'stream ' || x.stream, 'r' from unnest(x_command, x_stream) x (command, stream)
        union all
        select p.command, 'private ' || p.name, case when p.op = 'c' then 'r' else 'w' end
        from unnest(p_command, p_op, p_name) p (command, op, name)
        union all
        select k.command, 'key ' || k.actor || E'\n' || k.key, 'w'
        from unnest(k_command, k_actor, k_key) k (command, actor, key)
    ), shared as (
        select t.resource from touched t group by t.resource
        having min(t.command) <> max(t.command) and bool_or(t.mode <> 'r')
    )
    select array_agg(t.command), array_agg(t.resource), array_agg(t.mode) into command, resource, mode
    from touched t where t.resource in (select s.resource from shared s);
end $$;

-- Marks (3) the undecided (0) commands that no earlier undecided one can influence.
create function log.next_round(state int[], t_command int[], t_resource text[], t_mode text[]) returns int[]
language sql volatile set search_path = ''
begin atomic
    with touched as (
        select t.command, t.resource, t.mode,
            min(t.command) over (partition by t.resource) as first,
            min(t.command) filter (where t.mode = 'w') over (partition by t.resource) as first_change
        from unnest(t_command, t_resource, t_mode) t (command, resource, mode) where state[t.command] = 0
    ), waiting as (
        select t.command from touched t
        where (t.mode = 'w' and t.first < t.command) or t.first_change < t.command
    ), behind as (  -- takers of seats behind one that waits
        select c.command from (
            select t.command, min(t.command) filter (where t.command in (select w.command from waiting w))
                over (partition by t.resource) as first_waiting
            from touched t where t.mode = 'c'
        ) c
        where c.command > c.first_waiting
    )
    select array_agg(case
        when s.state = 0 and s.n not in (select w.command from waiting w) and s.n not in (select b.command from behind b) then 3
        else s.state end order by s.n)
    from unnest(state) with ordinality s (state, n);
end;

-- Seats left in a scope; null when it has no limit.
create function log.seats_left(of_scope text) returns bigint
language sql volatile set search_path = ''
begin atomic
    select s.capacity - s.held from log.scope_count s where s.scope = of_scope order by s.change desc limit 1;
end;

-- Applies the claims of the accepted commands of one round, and counts the scopes that are counted.
create function log.change_claims(
    state int[], c_command int[], c_op text[], c_scope text[], c_key text[], c_event uuid[]
) returns void language plpgsql volatile
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
    deciding constant int := 3;
    change record;
    counted record;
    gone bigint;
    released text[] := '{}';           -- one entry a key given back
begin
    for change in
        select c.op, c.scope, c.key from unnest(c_command, c_op, c_scope, c_key) with ordinality c (command, op, scope, key, n)
        where c.op in ('r', 'o') and state[c.command] = deciding order by c.n
    loop
        if change.op = 'r' then
            delete from log.claim l where l.scope = change.scope and l.key = change.key;
        else
            delete from log.claim l where l.scope = change.scope and l.key <> change.key;
        end if;
        get diagnostics gone = row_count;
        released := released || array_fill(change.scope, array[gone::int]);
    end loop;

    insert into log.claim
    select distinct c.scope, c.key, c.event
    from unnest(c_command, c_op, c_scope, c_key, c_event) c (command, op, scope, key, event)
    where c.op = 't' and state[c.command] = deciding;

    for counted in
        select t.scope, s.change, s.capacity, s.held, t.takes, t.new_limit
        from (
            select c.scope, count(distinct c.key) filter (where c.op = 't') as takes, max(c.key) filter (where c.op = 'l') as new_limit
            from unnest(c_command, c_op, c_scope, c_key) c (command, op, scope, key)
            where c.op in ('t', 'r', 'o', 'l') and state[c.command] = deciding
            group by c.scope
        ) t
        left join lateral (
            select s.change, s.capacity, s.held from log.scope_count s
            where s.scope = t.scope order by s.change desc limit 1
        ) s on true
        where s.change is not null or t.new_limit is not null
    loop
        insert into log.scope_count values (
            counted.scope,
            coalesce(counted.change, 0) + 1,
            case when counted.new_limit is null then counted.capacity else nullif(counted.new_limit, '')::bigint end,
            coalesce(
                counted.held + counted.takes - cardinality(array_positions(released, counted.scope)),
                (select count(*) from log.claim l where l.scope = counted.scope))
        );
    end loop;
end $$;

-- Applies the private values of the accepted commands of one round, in order.
create function log.change_private(state int[], p_command int[], p_op text[], p_name text[], p_value bytea[])
returns void language plpgsql volatile
set search_path = '' set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    change record;
begin
    for change in
        select p.op, p.name, p.value
        from unnest(p_command, p_op, p_name, p_value) with ordinality p (command, op, name, value, n)
        where p.op in ('s', 'd') and state[p.command] = 3 order by p.n
    loop
        if change.op = 's' then
            insert into log.private as v values (change.name, change.value, 1)
            on conflict (name) do update set value = excluded.value, version = v.version + 1;
        else
            delete from log.private v where v.name = change.name;
        end if;
    end loop;
end $$;
