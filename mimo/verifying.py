"""`mimo verify`: proof that what readers see equals the fold of the log, or a readable difference.

It must not know how rows are compared (projectors/verify.py).
"""

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimo.options import AsJson, Data, read_settings

if TYPE_CHECKING:
    from projectors.comparing import Difference
    from projectors.verify import Verdict

VALUE_CHARACTERS = 60


def verify(
    projection: Annotated[str | None, typer.Argument(help="Such as messages; \\[default: all]")] = None,
    every: Annotated[bool, typer.Option("--all", help="All projections.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Build a projection aside from the log and compare it with what readers see, row by row, at the same checkpoint.

    Nobody is held up, and what was built aside is dropped again. The exit code is 1 if anything differs; the rows that
    do are shown, personal data in them too.
    """
    from events.errors import CannotStart
    from mimo.database import database
    from mimo.replaying import wanted
    from projectors.views import PROJECTIONS

    if (projection is None) is not every:
        raise CannotStart("Say which projection to verify, or --all.")
    chosen = PROJECTIONS if projection is None else (wanted(projection),)
    verdicts = []
    with database(read_settings(data=data)) as url:
        for one in chosen:
            verdicts.append(asyncio.run(_verified(url, one)))
            if not as_json:
                _tell(verdicts[-1])
    if as_json:
        typer.echo(json.dumps([_as_json(verdict) for verdict in verdicts], default=str))
    raise typer.Exit(0 if all(verdict.comparison.equal for verdict in verdicts) else 1)


async def _verified(url: str, projection: Any) -> "Verdict":
    from infra.postgres import Role, connect, pool
    from projectors.verify import Verification

    own = partial(connect, url, application="mimo-verify", role=Role.PROJECTOR)
    endless = partial(own, transaction_timeout_seconds=0)
    async with pool(url, application="mimo-verify", role=Role.PROJECTOR, min_size=0, max_size=2) as opened:
        return await Verification(projection, own, endless, opened, lambda *_: None).run()


def _tell(verdict: "Verdict") -> None:
    comparison = verdict.comparison
    name = verdict.generation.schema
    if comparison.equal:
        typer.echo(f"{name}: equal, {comparison.rows} rows, digest {comparison.digest}")
        return
    typer.echo(f"{name}: {comparison.different} of {comparison.rows} rows differ")
    for difference in comparison.differences:
        typer.echo(f"  {sentence(difference)}")
    if more := comparison.different - len(comparison.differences):
        typer.echo(f"  and {more} more")


def sentence(difference: "Difference") -> str:
    """What differs in one row, for people."""
    row = f"{difference.table} {_values(difference.key)}"
    if difference.found is None:
        return f"{row}: missing; the log has {_values(difference.expected or {})}"
    if difference.expected is None:
        return f"{row}: not in the log; readers see {_values(difference.found)}"
    return f"{row}: readers see {_values(difference.found)}; the log has {_values(difference.expected)}"


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    text = "null" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _as_json(verdict: "Verdict") -> dict[str, Any]:
    comparison = verdict.comparison
    return {
        "projection": verdict.generation.projection,
        "generation": verdict.generation.number,
        "equal": comparison.equal,
        "rows": comparison.rows,
        "digest": comparison.digest,
        "checkpoint": {f"{topic}.{partition}": offset for (topic, partition), offset in verdict.checkpoint.items()},
        "different": comparison.different,
        "differences": [
            {"table": one.table, "key": one.key, "found": one.found, "expected": one.expected}
            for one in comparison.differences
        ],
    }
