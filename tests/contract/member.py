"""A member of a group as a process that a test can kill: `python -m tests.contract.member URL GROUP [KAFKA PREFIX]`."""

import asyncio
import sys

from events.courses import TOPIC as COURSES
from events.enrollments import TOPIC as ENROLLMENTS
from events.ports import Assigned, EventLog
from infra.kafka.cluster import Cluster
from tests.contract.following import Memory
from tests.contract.test_kafka_log import kafka_log
from tests.contract.test_postgres_log import postgres_log


async def main(log: EventLog, group: str) -> None:
    """Follows until it is killed."""
    async with log.follow([COURSES, ENROLLMENTS], Memory(), group=group) as items:
        async for item in items:
            if isinstance(item, Assigned):
                print(f"assigned {len(item.partitions)}", flush=True)  # noqa: T201


if __name__ == "__main__":
    url, name, bootstrap, prefix = (*sys.argv[1:], "", "")[:4]
    asyncio.run(main(kafka_log(url, Cluster(bootstrap, prefix)) if bootstrap else postgres_log(url), name))
