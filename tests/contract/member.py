"""A member of a group, as a process that a test can kill: `python -m tests.contract.member URL GROUP`."""

import asyncio
import sys

from events.courses import TOPIC as COURSES
from events.enrollments import TOPIC as ENROLLMENTS
from events.ports import Assigned
from tests.contract.following import Memory
from tests.contract.test_postgres_log import postgres_log


async def main(url: str, group: str) -> None:
    """Follows until it is killed."""
    async with postgres_log(url).follow([COURSES, ENROLLMENTS], Memory(), group=group) as items:
        async for item in items:
            if isinstance(item, Assigned):
                print(f"assigned {len(item.partitions)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
