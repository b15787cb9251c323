"""A Kafka cluster as the settings describe it: addresses, TLS, SASL, and what an installation's topics are called.

It must not know what is published or read.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError

from events.errors import CannotStart
from infra.settings import KafkaSecurity, SaslMechanism, Settings

REQUEST_TIMEOUT_MS = 10_000
RETRY_BACKOFF_MS = 100


class Unreachable(CannotStart):
    """The cluster is away, or does not let us in now; the text says which."""


AWAY: tuple[type[Exception], ...] = (OSError, TimeoutError, KafkaError, Unreachable)
"""What says "the cluster is away, slow, or moving": try again later."""


@dataclass(frozen=True)
class Cluster:
    """Where Kafka is and how to get in.

    Args:
        bootstrap: `host:port` of some brokers, separated by commas.
        prefix: put before the names of topics and transactional ids.
        replication: copies of each topic that is made.
        security: how connections are secured.
        ca_file: PEM file with the authorities to trust; None: the system's.
        cert_file: PEM file with the client's certificate.
        key_file: PEM file with its key.
        mechanism: of SASL.
        username: of SASL.
        password: of SASL.
    """

    bootstrap: str
    prefix: str = ""
    replication: int = 1
    security: KafkaSecurity = KafkaSecurity.PLAINTEXT
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Cluster | None:
        """The cluster that the settings name; None in embedded mode."""
        if settings.kafka_bootstrap is None:
            return None
        password = settings.kafka_password
        return cls(
            bootstrap=settings.kafka_bootstrap,
            prefix=settings.kafka_prefix,
            replication=settings.kafka_replication,
            security=settings.kafka_security,
            ca_file=settings.kafka_ca_file,
            cert_file=settings.kafka_cert_file,
            key_file=settings.kafka_key_file,
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_username,
            password=None if password is None else password.get_secret_value(),
        )

    def topic(self, name: str) -> str:
        """What a topic of ours is called on the cluster."""
        return self.prefix + name

    def client_options(self, client: str) -> dict[str, Any]:
        """The arguments that every client of the cluster takes.

        Args:
            client: who it is, for the broker's logs.

        Raises:
            CannotStart: a certificate file cannot be read, or a name or password is missing.
        """
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": self.prefix + client,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
            "retry_backoff_ms": RETRY_BACKOFF_MS,
            "security_protocol": self.security.value,
        }
        if self.security in (KafkaSecurity.SSL, KafkaSecurity.SASL_SSL):
            options["ssl_context"] = self._tls
        if self.security in (KafkaSecurity.SASL_SSL, KafkaSecurity.SASL_PLAINTEXT):
            if self.username is None or self.password is None:
                raise CannotStart(f"{self.security.value} needs MIMO_KAFKA_USERNAME and MIMO_KAFKA_PASSWORD.")
            options |= {
                "sasl_mechanism": self.mechanism.value,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
        except OSError as error:  # ssl.SSLError is one
            files = [str(path) for path in (self.ca_file, self.cert_file, self.key_file) if path is not None]
            raise CannotStart(f"The certificates for Kafka cannot be read ({', '.join(files)}): {error}.") from None
        return context
