"""`python -m tests.faults`: many rounds of faults, with outages of a minute; a line for each and a table at the end.

Must be run from the project's root. A run that was stopped goes on where it was: rounds that are in the results file of
the seed are not played again.
"""

import argparse
import subprocess
import sys
from dataclasses import replace

import typer

from tests.faults.load import Load, running_load
from tests.faults.product import Product, keep, throw_away_product
from tests.faults.results import Results, line, table
from tests.faults.rounds import Plan, planned, play
from tests.system import ROOT, STOP_SECONDS

DOCUMENT = ROOT / "docs" / "reliability.md"
RESULTS = ROOT / "build" / "torture"
ROUNDS_A_SYSTEM = 16
"""Then a new one begins: what is compared grows with every round."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="how many; default 200")
    parser.add_argument("--seed", type=int, default=1, help="decides all that chance decides; default 1")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds that an outage lasts; default 60")
    parser.add_argument("--only", type=int, nargs="+", metavar="ROUND", help="play these rounds, again if need be")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args(arguments)


def play_on_one_system(plans: list[Plan], results: Results) -> int:
    """Play rounds until one fails; what it leaves behind is kept.

    Returns:
        How many were played.
    """
    with throw_away_product() as product, running_load(product) as load:
        for played, plan in enumerate(plans, start=1):
            result = play(plan, product, load)
            if played == len(plans) and not result.failure:
                result = replace(result, failure=closed(product, load))
            results.add(result)
            typer.echo(line(result))
            if result.failure:
                tell(plan, product)
                return played
    return len(plans)


def closed(product: Product, load: Load) -> str:
    """A client reads everything, the doctor looks at everything, and the system is stopped as people stop it.

    Returns:
        What was wrong with that, if anything.
    """
    wrong = " ".join(filter(None, (load.verified(), product.illness())))
    try:
        code = product.system.stop()
    except subprocess.TimeoutExpired:
        return f"{wrong} it did not stop within {STOP_SECONDS:g} s".strip()
    left = "" if product.system.is_gone() else "it left something running"
    return " ".join(filter(None, (wrong, f"it stopped with exit code {code}" if code else "", left)))


def tell(plan: Plan, product: Product) -> None:
    """Say how to look at a failed round and how to play it again."""
    keep(product)
    again = f"python -m tests.faults --seed {plan.seed} --only {plan.number} --outage {plan.outage_seconds:g}"
    typer.echo(f"  what it left: {product.folder}\n  once more: {again}")


def main(arguments: list[str]) -> int:
    """Play what was asked for; 1 when a round failed."""
    options = parse(arguments)
    results = Results(RESULTS / f"seed-{options.seed}.jsonl")
    wanted = options.only or [number for number in range(1, options.rounds + 1) if number not in results.rounds]
    plans = [planned(options.seed, number, options.outage) for number in wanted]
    while plans:
        plans = plans[play_on_one_system(plans[:ROUNDS_A_SYSTEM], results) :]
    summary = table(results.rounds.values())
    summary.show()
    if options.write:
        summary.write_into_document(DOCUMENT)
    return 1 if any(result.failure for result in results.rounds.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
