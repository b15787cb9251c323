"""`mimo verify`: proof that what readers see equals the fold of the log. `mimo diff`: how a view changed between two
moments.

It must not know how rows are compared (projectors/verify.py, projectors/diff.py).
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mimo.options import AsJson, Data, read_settings

if TYPE_CHECKING:
    from projectors.comparing import Comparison, Difference
    from projectors.verify import Verdict

VALUE_CHARACTERS = 60
Forms = tuple[str, str, str]
"""What is said of a row that is missing, of one too many, and of one that differs."""
WRONG: Forms = (
    "{row}: missing; the log has {expected}",
    "{row}: not in the log; readers see {found}",
    "{row}: readers see {found}; the log has {expected}",
)
CHANGED: Forms = ("+ {row}: {expected}", "- {row}: {found}", "~ {row}: {found} → {expected}")


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
    from mimo import deeds
    from mimo.database import database
    from mimo.operations import Operation, also_telling, audited
    from mimo.progress_bar import bar
    from mimo.replaying import wanted
    from projectors.views import PROJECTIONS

    if (projection is None) is not every:
        raise CannotStart("Say which projection to verify, or --all.")
    chosen = PROJECTIONS if projection is None else (wanted(projection),)
    verdicts = []
    with database(read_settings(data=data)) as url, bar() as told:
        for one in chosen:
            work = also_telling(told, partial(deeds.verify, url, one))
            verdicts.append(asyncio.run(audited(url, Operation("verify", one.name), work)))
            if not as_json:
                _tell(verdicts[-1])
    if as_json:
        typer.echo(json.dumps([_as_json(verdict) for verdict in verdicts], default=str))
    raise typer.Exit(0 if all(verdict.comparison.equal for verdict in verdicts) else 1)


def diff(
    projection: Annotated[str, typer.Argument(metavar="PROJECTION", help="Such as messages.")],
    at: Annotated[list[str], typer.Option(help="A position, or a time as `mimo events` takes it; given twice.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show how a view changed between two moments: which rows came, went or changed.

    The projection is built up to each of them, aside; readers notice nothing. Erased people stay erased in both.
    """
    from events.errors import CannotStart
    from mimo.database import database
    from mimo.moments import position_of
    from mimo.progress_bar import bar
    from mimo.proving import with_access
    from mimo.replaying import wanted
    from projectors.diff import diff as diff_projection

    if len(at) != 2:
        raise CannotStart("Say --at twice: the earlier moment and the later one.")
    one = wanted(projection)
    with database(read_settings(data=data)) as url, bar() as told:
        before, after = (asyncio.run(position_of(url, moment)) for moment in at)
        tell = partial(told, f"building {one.name}")
        work = partial(diff_projection, one, before=before, after=after)
        comparison = asyncio.run(with_access(url, tell, work))
    if as_json:
        typer.echo(json.dumps({"before": before, "after": after, **_comparison_as_json(comparison)}, default=str))
        return
    for difference in comparison.differences:
        typer.echo(_sentence(difference, CHANGED))
    typer.echo(f"{comparison.different} rows of {projection} changed from position {before} to {after}.")


def _tell(verdict: "Verdict") -> None:
    from mimo.proving import verdict_sentence

    comparison = verdict.comparison
    typer.echo(verdict_sentence(verdict))
    for difference in comparison.differences:
        typer.echo(f"  {_sentence(difference, WRONG)}")
    if more := comparison.different - len(comparison.differences):
        typer.echo(f"  and {more} more")


def _sentence(difference: "Difference", forms: Forms) -> str:
    """What differs in one row, for people."""
    missing, extra, changed = forms
    form = missing if difference.found is None else extra if difference.expected is None else changed
    row = f"{difference.table} {_values(difference.key)}"
    return form.format(row=row, found=_values(difference.found or {}), expected=_values(difference.expected or {}))


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    text = "null" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= VALUE_CHARACTERS else f"{text[:VALUE_CHARACTERS]}…"


def _as_json(verdict: "Verdict") -> dict[str, Any]:
    return {
        "projection": verdict.generation.projection,
        "generation": verdict.generation.number,
        "checkpoint": {f"{topic}.{partition}": offset for (topic, partition), offset in verdict.checkpoint.items()},
        "equal": verdict.comparison.equal,
        "rows": verdict.comparison.rows,
        "digest": verdict.comparison.digest,
        **_comparison_as_json(verdict.comparison),
    }


def _comparison_as_json(comparison: "Comparison") -> dict[str, Any]:
    return {"different": comparison.different, "differences": [asdict(one) for one in comparison.differences]}
