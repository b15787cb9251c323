"""Compares the tables of two generations, row by row, where they stand at the same checkpoints.

Digests of parts of each table are compared first, so rows travel only where something differs. It must not know how the
generations came about, nor any particular projection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from projectors.checkpoints import Generation

MOST_DIFFERENCES = 100
"""So many are told in full of each table; more are only counted."""
PARTS = 1024

# Where erasing only hides: a table is compared as its view shows it, and what is still to be wiped is not.
_TABLES = """
    select t.relname as name, shown.relname as relation, array(
        select a.attname::text from pg_attribute a
        where a.attrelid = shown.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        order by a.attname collate "C") as columns, array(
        select a.attname::text from pg_index i join pg_attribute a on a.attrelid = t.oid and a.attnum = any (i.indkey)
        where i.indrelid = t.oid and i.indisprimary order by array_position(i.indkey::smallint[], a.attnum)) as key
    from pg_class t join pg_namespace n on n.oid = t.relnamespace
    cross join lateral (
        select s.oid, s.relname from pg_class s
        where s.relnamespace = n.oid and s.relname in (t.relname, 'shown_' || t.relname)
        order by s.relkind = 'v' desc limit 1) shown
    where n.nspname = $1 and t.relkind = 'r' and t.relname not like 'unwiped\\_%' order by t.relname collate "C\""""
# Two hashes with different seeds make 128 bits a row; their sums do not depend on the order.
_PARTS = """
    select hashtextextended(row({key})::text, 0) & {mask} as part, count(*) as rows,
      sum(hashtextextended(row({columns})::text, 1)) as one, sum(hashtextextended(row({columns})::text, 2)) as two
    from {table} group by 1"""
_ROWS = """
    select {columns} from {table} where hashtextextended(row({key})::text, 0) & {mask} = any ($1::bigint[])"""


@dataclass(frozen=True)
class Difference:
    """One row that differs.

    Attributes:
        table: its table.
        key: its primary key, by column.
        found: the differing columns as readers see them; None: the row is not there.
        expected: the same as the log has them; None: there should be no such row.
    """

    table: str
    key: Mapping[str, Any]
    found: Mapping[str, Any] | None
    expected: Mapping[str, Any] | None


@dataclass
class Comparison:
    """What a comparison found.

    Attributes:
        rows: of the first generation, in all tables.
        digest: of all its rows, 32 hex digits; equal generations have equal ones.
        differences: at most `MOST_DIFFERENCES` of each table.
        different: how many rows differ in all.
    """

    rows: int = 0
    digest: str = ""
    differences: list[Difference] = field(default_factory=list)
    different: int = 0

    @property
    def equal(self) -> bool:
        """Whether no row differs."""
        return self.different == 0


@dataclass(frozen=True)
class _Table:
    name: str
    relation: str
    columns: Sequence[str]
    key: Sequence[str]

    def statement(self, form: str, schema: str) -> str:
        quoted = {
            name: ", ".join(map(_quoted, names)) for name, names in (("key", self.key), ("columns", self.columns))
        }
        return form.format(table=f"{_quoted(schema)}.{_quoted(self.relation)}", mask=PARTS - 1, **quoted)


async def compare(
    found: asyncpg.Connection, live: Generation, expected: asyncpg.Connection, aside: Generation
) -> Comparison:
    """Compares all tables of two generations of one version.

    Args:
        found: in a snapshot in which the first generation is to be looked at.
        live: the first one.
        expected: in a snapshot with the second one at the same checkpoints.
        aside: the second one.
    """
    comparison, summed = Comparison(), hashlib.sha256()
    for row in await found.fetch(_TABLES, live.schema):
        table = _Table(*row)
        mine = await _parts(found, table, live)
        theirs = await _parts(expected, table, aside)
        for part, (rows, *hashes) in sorted(mine.items()):
            comparison.rows += rows
            summed.update(f"{table.name} {part} {rows} {hashes}\n".encode())
        if parts := [part for part in mine.keys() | theirs.keys() if mine.get(part) != theirs.get(part)]:
            _note(
                comparison,
                table,
                await _rows(found, table, live, parts),
                await _rows(expected, table, aside, parts),
            )
    comparison.digest = summed.hexdigest()[:32]
    return comparison


async def _parts(connection: asyncpg.Connection, table: _Table, generation: Generation) -> dict[int, tuple[Any, ...]]:
    rows = await connection.fetch(table.statement(_PARTS, generation.schema))
    return {row["part"]: (row["rows"], row["one"], row["two"]) for row in rows}


async def _rows(
    connection: asyncpg.Connection, table: _Table, generation: Generation, parts: Sequence[int]
) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    rows = await connection.fetch(table.statement(_ROWS, generation.schema), parts)
    return {tuple(row[name] for name in table.key): dict(row) for row in rows}


def _note(
    comparison: Comparison,
    table: _Table,
    found: Mapping[tuple[Any, ...], Mapping[str, Any]],
    expected: Mapping[tuple[Any, ...], Mapping[str, Any]],
) -> None:
    """Adds the rows of some parts of a table that differ."""
    told = 0
    for key in sorted(found.keys() | expected.keys(), key=str):
        mine, theirs = found.get(key), expected.get(key)
        if mine == theirs:
            continue
        comparison.different += 1
        told += 1
        if told <= MOST_DIFFERENCES:
            names = [name for name in table.columns if mine is None or theirs is None or mine[name] != theirs[name]]
            comparison.differences.append(
                Difference(
                    table.name,
                    dict(zip(table.key, key, strict=True)),
                    None if mine is None else {name: mine[name] for name in names},
                    None if theirs is None else {name: theirs[name] for name in names},
                )
            )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
