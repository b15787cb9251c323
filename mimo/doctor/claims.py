"""Compares the claims and counted seats with what the log's events make of them, and private values with its people.

It must not know what claims mean; `doctor_effect` (scan.py) tells in order what events do to them.
"""

from __future__ import annotations

import asyncpg

from infra.sealing import KEY_BYTES
from mimo.doctor.flaws import Flaws, Kind

MEND = (
    "Commands are refused or accepted wrongly because of it. Restore a backup; or stop the command APIs and, as the "
    "owner of the database, {} until `mimo doctor --deep` finds no difference."
)
CLAIMS_MISSING = Kind(
    "claims",
    "Claims that events took and nobody holds",
    MEND.format("insert them into log.claim with the event that took them"),
)
CLAIMS_EXTRA = Kind("claims", "Claims that are held and no event took", MEND.format("delete them from log.claim"))
CLAIMS_OTHER = Kind(
    "claims", "Claims that another event took than it says there", MEND.format("set event_id in log.claim")
)
CLAIMS_TWICE = Kind(
    "claims",
    "Claims that events took while they were taken",
    "A rule was broken when they were stored. Please report it; what the second event did must be taken back by hand.",
)
SEATS = Kind(
    "claims",
    "Scopes whose limit or count is not what events make of it",
    MEND.format("insert a row with the next `change` and the right numbers into log.scope_count"),
)
KEYLESS = Kind(
    "private values",
    "People without a key who were not erased: their names, addresses and messages cannot be read",
    "If the private values were restored without `mimo log renew`, stop everything and run it: it erases them in the "
    "log, too. Else restore the newest private values.",
)
KEPT = Kind(
    "private values",
    "Values of people who were erased: their data can be read again",
    "Delete those rows from log.private as the owner of the database. Were private values of an older backup restored? "
    "Then stop everything and run `mimo log renew`.",
)
DAMAGED = Kind("private values", "Keys that are none", "Restore the newest private values.")
STRANGERS = Kind(
    "private values",
    "Values of people whom the log does not know",
    "Was an older log restored? Then stop everything and run `mimo log renew`: it deletes them.",
)

_FOLD = """
create temporary table doctor_claim on commit drop as
select t.scope, t.key, t.event_id from (
  select distinct on (e.scope, e.key) e.* from doctor_effect e
  where e.kind in ('take', 'release') order by e.scope, e.key, e.n desc) t
where t.kind = 'take' and not exists (
  select from doctor_effect o
  where o.kind = 'release_others' and o.scope = t.scope and o.n > t.n and o.key <> t.key)"""
_CLAIMS = """
select scope, key, c.event_id as present, f.event_id as wanted,
  count(*) over (partition by c.event_id is null, f.event_id is null) as number
from log.claim c full join doctor_claim f using (scope, key)
where c.event_id is distinct from f.event_id
order by row_number() over (partition by c.event_id is null, f.event_id is null order by scope, key) limit 15"""
_TWICE = """
select t.scope, t.key, t.event_id as wanted, count(*) over () as number from (
  select e.*, lag(e.kind) over w as kind_before, lag(e.n) over w as n_before from doctor_effect e
  where e.kind in ('take', 'release') window w as (partition by e.scope, e.key order by e.n)) t
where t.kind = 'take' and t.kind_before = 'take' and not exists (
  select from doctor_effect o
  where o.kind = 'release_others' and o.scope = t.scope and o.n > t.n_before and o.n < t.n and o.key <> t.key)
order by t.n limit 5"""
_SEATS = """
with wanted as (
  select l.scope, l.capacity, coalesce(h.held, 0) as held from (
    select distinct on (e.scope) e.scope, nullif(e.key, '')::bigint as capacity from doctor_effect e
    where e.kind = 'limit' order by e.scope, e.n desc) l
  left join (select scope, count(*) as held from doctor_claim group by scope) h using (scope)),
present as (
  select distinct on (s.scope) s.scope, s.capacity, s.held from log.scope_count s order by s.scope, s.change desc)
select scope, p.capacity, p.held, w.capacity as capacity_wanted, w.held as held_wanted, count(*) over () as number
from present p full join wanted w using (scope)
where (p.scope is null) or (w.scope is null) or (p.capacity, p.held) is distinct from (w.capacity, w.held)
order by scope limit 5"""
# People's streams lie side by side in the index of streams.
_PRIVATE = """
with person as materialized (
  select substr(e.stream, 6) as id, bool_or(e.type = 'UserErased') as erased from log.event e
  where e.stream >= 'user-' and e.stream < 'user.' and e.type in ('UserRegistered', 'UserErased') group by e.stream),
value as materialized (
  select p.name, split_part(p.name, '/', 1) as kind, split_part(p.name, '/', 2) as id,
    octet_length(p.value) as bytes from log.private p
  where split_part(p.name, '/', 1) in ('data_key', 'password')),
flaw as (
  select 'keyless' as kind, p.id as place from person p
  where not p.erased and not exists (select from value v where v.kind = 'data_key' and v.id = p.id)
  union all
  select case when p.erased then 'kept' when p.id is null then 'stranger' else 'damaged' end, v.name
  from value v left join person p using (id)
  where p.erased is not false or v.kind = 'data_key' and v.bytes <> $1)
select kind, place, count(*) over (partition by kind) as number
from flaw order by row_number() over (partition by kind order by place) limit 20"""


async def note_claims(connection: asyncpg.Connection, flaws: Flaws) -> None:
    """Compares claims and seats.

    Args:
        connection: in the transaction of the scan.
        flaws: gets what is wrong.
    """
    await connection.execute("analyze doctor_effect")
    await connection.execute(_FOLD)
    await connection.execute("analyze doctor_claim")
    for row in await connection.fetch(_CLAIMS):
        kind = CLAIMS_MISSING if row["present"] is None else CLAIMS_EXTRA if row["wanted"] is None else CLAIMS_OTHER
        flaws.tally(kind, f"{row['scope']} {row['key']}, event {row['wanted'] or row['present']}", row["number"])
    for row in await connection.fetch(_TWICE):
        flaws.tally(CLAIMS_TWICE, f"{row['scope']} {row['key']}, event {row['wanted']}", row["number"])
    for row in await connection.fetch(_SEATS):
        present = f"{row['held']} of {_limit(row['capacity'])}" if row["held"] is not None else "none"
        wanted = (
            f"{row['held_wanted']} of {_limit(row['capacity_wanted'])}" if row["held_wanted"] is not None else "none"
        )
        flaws.tally(SEATS, f"{row['scope']}: {present}, not {wanted}", row["number"])


async def note_private_values(connection: asyncpg.Connection, flaws: Flaws) -> None:
    """Compares people's keys and passwords with the people in the log.

    Args:
        connection: in a snapshot.
        flaws: gets what is wrong.
    """
    kinds = {"keyless": KEYLESS, "kept": KEPT, "stranger": STRANGERS, "damaged": DAMAGED}
    for row in await connection.fetch(_PRIVATE, KEY_BYTES):
        flaws.tally(kinds[row["kind"]], row["place"], row["number"])


def _limit(capacity: int | None) -> str:
    return "any number" if capacity is None else str(capacity)
