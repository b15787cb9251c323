"""What a local broker is told: its properties, its logging, and the arguments of its Java.

All paths are relative to the broker's folder, which is its working directory: no path needs quoting in three languages.
It must not know how the broker is started.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

HOST = "127.0.0.1"
PORT = 9092
"""For clients, unless somebody says another."""
NODE = 1
DATA = "topics"
HEAP_MB = 512
SEGMENT_BYTES = 256 * 1024 * 1024

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": str(NODE),
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # One node: one copy of everything, and no more partitions of Kafka's own topics than one node needs.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # A dead publisher's open transaction holds readers up until it is found: look each second, not each ten.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # A killed broker is let in again when its own controller has forgotten the dead one: after two seconds, not nine.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    "add.partitions.to.txn.retry.backoff.ms": "2",  # not 20: the next transaction waits for the end of the last
    "log.segment.bytes": str(SEGMENT_BYTES),
    "log.index.size.max.bytes": str(SEGMENT_BYTES // 256),  # enough for such a segment, and set aside for each
    "log.segment.delete.delay.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "16777216",  # of the heap; nothing of ours is compacted
    "num.network.threads": "2",
    "num.io.threads": "4",
    "metric.reporters": "",
}
"""Nothing is flushed by hand: a killed broker loses nothing, and what a crashed machine loses the relay refills."""

JAVA_OPTIONS = (
    f"-Xms{HEAP_MB // 4}m",
    f"-Xmx{HEAP_MB}m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # up in two thirds of the time, and for a broker this small never slower after that
    "-XX:+ExitOnOutOfMemoryError",  # whoever supervises it starts it again
    "-XX:-UsePerfData",  # no files in /tmp
    "-Djava.awt.headless=true",
    "-Djava.io.tmpdir=temporary",  # native libraries are unpacked there, and left there by a kill
    "-Dlog4j2.configurationFile=log4j2.properties",
)

LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = server.log
appender.file.filePattern = server.log.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{ISO8601} %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 5MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 2
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""
"""At most 15 MB."""


def properties(port: int, controller_port: int, more: Mapping[str, str], data: str = DATA) -> str:
    """The text of `server.properties`.

    Args:
        port: for clients.
        controller_port: for the node's own controller.
        more: settings on top of ours.
        data: the folder of topics, seen from the broker's.
    """
    listeners = {
        "listeners": f"BROKER://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "controller.quorum.voters": f"{NODE}@{HOST}:{controller_port}",
        "log.dirs": data,
    }
    return "".join(f"{name}={value}\n" for name, value in {**SETTINGS, **listeners, **more}.items())


def port_of(text: str) -> int | None:
    """The port for clients that a `server.properties` names."""
    for line in text.splitlines():
        if line.startswith("listeners=BROKER://"):
            return int(line.partition(",")[0].rpartition(":")[2])
    return None


def version_of(text: str) -> str | None:
    """Kafka's version by the class path of an argument file."""
    found = re.search(r"/kafka_[\d.]+-([\d.]+)\.jar", text)
    return found[1] if found else None


def java_arguments(class_path: Iterable[Path]) -> str:
    """The text of an argument file for `java`: options and class path."""
    joined = ":".join(str(path) for path in class_path)
    quoted = joined.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join([*JAVA_OPTIONS, "-cp", f'"{quoted}"']) + "\n"
