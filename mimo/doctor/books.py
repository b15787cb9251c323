"""Checks the books against one another: generations, checkpoints and parked events, schemas, operations, processes.

Each question is answered from indexes and small tables. It must not read the whole log, nor know the views' tables.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

import asyncpg

from infra.presence import SILENT_SECONDS
from mimo.doctor.finding import Finding, fine, note, wrong
from mimo.doctor.flaws import Flaws, Kind

ANEW = "Start the projector, if it does not run; then `mimo replay {}` builds another generation and shows it."

PLACES = Kind("checkpoints", "Generations that lack a checkpoint, or have one too many", ANEW.format("PROJECTION"))
BEYOND = Kind(
    "checkpoints",
    "Checkpoints beyond the end of the log",
    "Was the database restored from an older backup? Then stop everything and run `mimo log renew`. Else run "
    "`mimo replay PROJECTION`.",
)
FOREIGN = Kind(
    "generations", "Built from another history of the log", "Start the projector: it builds new ones in their place."
)
NOT_SHOWN = Kind(
    "generations",
    "Projections that this version of the code needs and no reader is shown",
    "Start the projector, if it does not run: it shows one as soon as it is at most a second behind the log.",
)
PARKED = Kind(
    "parked events",
    "Not where they belong: beyond their checkpoint, or not what the log has at their offset",
    ANEW.format("PROJECTION"),
)
ABANDONED = Kind(
    "generations",
    "Begun, and nobody goes on with them",
    "`mimo replay PROJECTION` goes on with what a replay began, `mimo drop PROJECTION GENERATION` gives it up. What "
    "a comparison left goes as soon as a projector runs.",
)
WITHOUT_TABLES = Kind("generations", "Their tables are not there", ANEW.format("PROJECTION"))
STRANGERS = Kind(
    "generations",
    "Schemas that belong to none; people who are erased are not erased in them",
    "If nobody needs them: `drop schema NAME cascade`, as the owner of the database.",
)
OVERDUE = Kind(
    "operations",
    "Asked for at the desk more than a day ago, and not ended",
    "See that the operations worker runs and what it logs; an admin can cancel them at the desk.",
)

_PLACES = """
with wanted as (
  select g.projection, g.version, g.generation, t.topic, p.partition
  from projection.generation g
  join unnest($1::text[], $2::int[], $3::text[]) w (projection, version, topics) using (projection, version)
  cross join unnest(string_to_array(w.topics, ' ')) t (topic)
  cross join (select generate_series(0, i.partitions - 1) as partition from log.installation i) p
  where g.status not in ('scratch', 'retired')),
present as (
  select projection, w.version, generation, c.topic, c.partition from projection.checkpoint c
  join (select distinct projection, version, generation from wanted) w using (projection, generation))
select format('%s_v%s_g%s: %s.%s %s', projection, version, generation, topic, partition,
    case when p.projection is null then 'is missing' else 'is too many' end) as place, count(*) over () as number
from present p full join wanted w using (projection, version, generation, topic, partition)
where p.projection is null or w.projection is null
order by 1 limit 5"""
_BEYOND = """
select format('%s_v%s_g%s: %s.%s is at %s, the log at %s', projection, g.version, generation, c.topic, c.partition,
    c."offset", l.last) as place, count(*) over () as number
from projection.generation g join projection.checkpoint c using (projection, generation)
cross join lateral (select coalesce((
    select e."offset" from log.event e where e.topic = c.topic and e.partition = c.partition
    order by e."offset" desc limit 1), 0) as last) l
where g.status <> 'retired' and c."offset" > l.last
order by 1 limit 5"""
_FOREIGN = """
select format('%s_v%s_g%s', g.projection, g.version, g.generation) as place, count(*) over () as number
from projection.generation g, log.installation i
where g.status <> 'retired' and g.log_id <> i.log_id order by 1 limit 5"""
_NOT_SHOWN = """
select format('%s version %s', w.projection, w.version) as place, count(*) over () as number
from unnest($1::text[], $2::int[]) w (projection, version)
where exists (select from projection.generation) and 1 <> (
  select count(*) from projection.generation g
  where g.projection = w.projection and g.version = w.version and g.status = 'live')
order by 1 limit 5"""
_PARKED = """
select format('%s_v%s_g%s: %s.%s:%s', projection, g.version, generation, p.topic, p.partition, p."offset") as place,
  count(*) over () as number
from projection.parked p
join projection.generation g using (projection, generation)
left join projection.checkpoint c using (projection, generation, topic, partition)
left join log.event e on e.topic = p.topic and e.partition = p.partition and e."offset" = p."offset"
where g.status not in ('scratch', 'retired')
  and (c."offset" is null or p."offset" > c."offset"
    or e.id is distinct from p.event_id or e.key is distinct from p.key)
order by 1 limit 5"""
# Their makers hold a lock for as long as they are at work (projectors/generations.py, projectors/replay.py).
_UNOWNED = """
with made as (
  select format('%s_v%s_g%s', projection, version, generation) as name, case status
    when 'aside' then 'mimo aside ' || format('%s_v%s_g%s', projection, version, generation)
    else 'mimo replay of ' || projection end as owner
  from projection.generation where status in ('aside', 'building'))
select m.name from made m
where not exists (
  select from pg_locks l
  where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
    and l.database = (select d.oid from pg_database d where d.datname = current_database())
    and (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(m.owner, 0))
order by 1"""
_TABLES = """
with built as (
  select format('%s_v%s_g%s', g.projection, g.version, g.generation) as name, g.status from projection.generation g),
there as (select n.nspname::text as name from pg_namespace n
  where n.nspname ~ '^[a-z][a-z_]*_v[0-9]+_g[0-9]+$' and n.nspname !~ '^scratch_')
select name, case when b.name is null then 'stranger' when t.name is null then 'without' else 'left' end as flaw
from built b full join there t using (name)
where (b.status = 'retired') is distinct from (t.name is null)
order by 1"""
_UNDERWAY = """
select format('%s, asked for at %s', c.key, to_char(e.at, 'YYYY-MM-DD HH24:MI')) as place, count(*) over () as number
from log.claim c join log.event e on e.id = c.event_id
where c.scope = 'operation' and e.at < now() - interval '1 day'
order by e.position limit 5"""
_WITHOUT_END = """
select count(*) as number, to_char(max(e.at), 'YYYY-MM-DD HH24:MI') as latest from log.event e
where e.topic = 'mimo.operations' and e.type = 'OperationRequested' and e.data ->> 'via' = 'command_line'
  and e.at > now() - interval '7 days' and e.at < now() - interval '1 day'
  and not exists (select from log.event o where o.stream = e.stream and o.version > e.version)"""
# Those of this machine are asked for themselves (processes.py).
_PROCESSES = """
select p.part, p.host, p.pid, extract(epoch from now() - p.told_at)::int as seconds,
  p.told_at < now() - make_interval(secs => $2) as silent,
  (select string_agg(concat(n ->> 'name', ': ', n ->> 'reason'), '; ') from jsonb_array_elements(p.not_ready) n) as why
from operations.process p
where p.told_at < now() - make_interval(secs => $2) or p.not_ready <> '[]' and p.host <> $1
order by p.part, p.told_at"""

Wanted = Sequence[tuple[str, int, Sequence[str]]]
"""Name, version and topics of each projection of the code."""


async def book_findings(connection: asyncpg.Connection, projections: Wanted) -> list[Finding]:
    """What the books say that cannot be.

    Args:
        connection: of the owner of the database, outside of a transaction.
        projections: those of this version of the code.
    """
    names, versions = [name for name, _, _ in projections], [version for _, version, _ in projections]
    topics = [" ".join(each) for _, _, each in projections]
    flaws = Flaws()
    abandoned = {row["name"] for row in await connection.fetch(_UNOWNED)}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for kind, question, arguments in (
            (PLACES, _PLACES, (names, versions, topics)),
            (BEYOND, _BEYOND, ()),
            (FOREIGN, _FOREIGN, ()),
            (NOT_SHOWN, _NOT_SHOWN, (names, versions)),
            (PARKED, _PARKED, ()),
            (OVERDUE, _UNDERWAY, ()),
        ):
            for row in await connection.fetch(question, *arguments):
                flaws.tally(kind, row["place"], row["number"])
        notes = _schemas(await connection.fetch(_TABLES), flaws)
        notes += _without_end(await connection.fetchrow(_WITHOUT_END))
        notes += _processes(await connection.fetch(_PROCESSES, socket.gethostname(), SILENT_SECONDS))
    for row in await connection.fetch(_UNOWNED):
        if row["name"] in abandoned:  # still: what came to its end meanwhile has another status by now
            flaws.note(ABANDONED, row["name"])
    found = flaws.findings() or [fine("books", "Generations, checkpoints and operations agree with one another.")]
    return [*found, *notes]


def _schemas(rows: Sequence[asyncpg.Record], flaws: Flaws) -> list[Finding]:
    for row in rows:
        if row["flaw"] != "left":
            flaws.note(STRANGERS if row["flaw"] == "stranger" else WITHOUT_TABLES, row["name"])
    left = [row["name"] for row in rows if row["flaw"] == "left"]
    sentence = f"Dropped, and their tables go as soon as a projector runs: {', '.join(left)}."
    return [note("generations", sentence)] if left else []


def _without_end(row: asyncpg.Record) -> list[Finding]:
    if row["number"] == 0:
        return []
    sentence = f"Begun on the command line in the last week and killed: {row['number']}, the last at {row['latest']}."
    return [note("operations", sentence)]


def _processes(rows: Sequence[asyncpg.Record]) -> list[Finding]:
    findings = []
    for row in rows:
        where = f"Process {row['pid']} on {row['host']}"
        if row["silent"]:
            sentence = f"{where} was killed or is cut off: silent for {row['seconds']} s."
            findings.append(note(row["part"], sentence))
        else:
            findings.append(wrong(row["part"], f"{where} is not ready: {row['why']}.", "See its log lines."))
    return findings
