-- The bare probe that log.append is measured against: the same shape of work with nothing of its rules.
-- One event and at most one claim a command; numbers come from counter rows. It has no limits, no private values,
-- no idempotency, no topics and offsets, no NOTIFY, and two commands on one stream in a batch are not serialised.
-- What log.append costs above it is the price of those promises.
create schema probe;
create table probe.event (
    position bigint primary key, id uuid not null, stream text not null, version int not null, type text not null,
    data jsonb not null, meta jsonb not null, at timestamptz not null default now(), unique (stream, version));
create table probe.stream (stream text primary key, version int not null);
create table probe.claim (scope text, key text, stream text not null, primary key (scope, key));
create table probe.head (one bool primary key default true, position bigint not null);
insert into probe.head values (true, 0);

-- Commands: one array element each; expected null = any version; a claim to take; a claim that must be held.
create function probe.append(
    ids uuid[], streams text[], expected int[], types text[], datas text[], metas text[],
    take_scope text[], take_key text[], need_scope text[], need_key text[]
) returns table (o_idx int, o_pos bigint, o_reason text) language plpgsql as $$
#variable_conflict use_column
declare
    hd bigint;
begin
    update probe.head set position = position returning position into hd;  -- the row lock makes one writer
    return query
    with c as (
        select * from unnest(ids, streams, expected, types, datas, metas, take_scope, take_key, need_scope, need_key)
            with ordinality as t (id, stream, expected, type, data, meta, ts, tk, ns, nk, i)
    ), j as (
        select c.*, coalesce(s.version, 0) as cur, (c.ts is not null and t.key is not null) as taken,
            (c.ns is not null and n.key is null) as missing,
            row_number() over (partition by c.ts, c.tk order by c.i) as rn_claim
        from c
        left join probe.stream s on s.stream = c.stream
        left join probe.claim t on t.scope = c.ts and t.key = c.tk
        left join probe.claim n on n.scope = c.ns and n.key = c.nk
    ), v as (
        select j.*, case when j.expected is not null and j.expected <> j.cur then 'version'
            when j.taken or (j.ts is not null and j.rn_claim > 1) then 'taken'
            when j.missing then 'missing' end as reason
        from j
    ), ok as (
        select v.*, hd + row_number() over (order by i) as pos,
            v.cur + row_number() over (partition by stream order by i) as ver
        from v where v.reason is null
    ), ie as (
        insert into probe.event select pos, id, stream, ver, type, data::jsonb, meta::jsonb from ok returning position
    ), ic as (
        insert into probe.claim select ts, tk, stream from ok where ts is not null
    ), ist as (
        insert into probe.stream select stream, max(ver) from ok group by stream
        on conflict (stream) do update set version = excluded.version
    ), ih as (
        update probe.head set position = hd + (select count(*) from ok)
    )
    select v.i::int, ok.pos, v.reason from v left join ok on ok.i = v.i order by v.i;
end $$;
