"""A throw-away Kafka broker that wants passwords and certificates: a listener for each way in, and a CA of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from shutil import rmtree

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from infra.kafka.broker import LocalBroker
from infra.kafka.configuration import DATA, HOST, NODE
from tests.ports import free_port

USER, PASSWORD = "school", "a mill and a store"
KAFKA = "org.apache.kafka.common.security"
LOGIN = f'{KAFKA}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
SCRAM_LOGIN = f"{KAFKA}.scram.ScramLoginModule required;"
SASL, TLS, BOTH = "SASL_PLAINTEXT", "SSL", "SASL_SSL"
FORMAT = ["kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", "server.properties"]
SECURITY = {"BROKER": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
"""How those listeners are secured that are not called so."""
DAY = timedelta(days=1)


class Authority:
    """A certificate authority in a folder, and the PEM files that it makes."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._signed(self._name, self._key, ca=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        """Files with a certificate for this machine, and with its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate, private = self._folder / f"{name}.crt.pem", self._folder / f"{name}.key.pem"
        certificate.write_bytes(self._signed(subject, key, ca=False).public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now, public = datetime.now(UTC), self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
            .add_extension(_usage(ca=ca), critical=True)
            .sign(self._key, SHA256())
        )


def _usage(*, ca: bool) -> x509.KeyUsage:
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, **others)


@dataclass(frozen=True)
class Secured:
    """The broker as its clients must know it.

    Attributes:
        addresses: by Kafka's name of how a connection is secured.
        ca: the authority's certificate.
        certificate: a client's certificate.
        key: its key.
    """

    addresses: dict[str, str]
    ca: Path
    certificate: Path
    key: Path


@contextmanager
def secured_broker(folder: Path) -> Iterator[Secured]:
    """Start the broker and stop it at the end. One user, USER with PASSWORD, for all mechanisms."""
    authority = Authority(folder)
    certificate, key = authority.issue("client")
    ports = {"BROKER": free_port(), "CONTROLLER": free_port(), SASL: free_port(), TLS: free_port(), BOTH: free_port()}
    broker = LocalBroker(folder / "kafka", ports["BROKER"], _settings(ports, authority))
    broker.prepare()
    rmtree(broker.folder / DATA)
    scram = [word for kind in ("256", "512") for word in ("--add-scram", f"SCRAM-SHA-{kind}={_credentials()}")]
    subprocess.run(
        [broker.command[0], broker.command[1], *FORMAT, *scram],
        cwd=broker.folder, env=broker.environment(), check=True, capture_output=True,
    )  # fmt: skip
    try:
        broker.start()
        yield Secured({name: f"{HOST}:{ports[name]}" for name in (SASL, TLS, BOTH)}, authority.file, certificate, key)
    finally:
        broker.stop()


def _settings(ports: dict[str, int], authority: Authority) -> dict[str, str]:
    certificate, key = authority.issue("broker")
    chain = certificate.with_name("broker.pem")
    chain.write_text(key.read_text() + certificate.read_text())
    logins = {
        f"listener.name.{listener.lower()}.{mechanism}.sasl.jaas.config": login
        for listener in (SASL, BOTH)
        for mechanism, login in (("plain", LOGIN), ("scram-sha-256", SCRAM_LOGIN), ("scram-sha-512", SCRAM_LOGIN))
    }
    return {
        "listeners": ",".join(f"{name}://{HOST}:{port}" for name, port in ports.items()),
        "controller.quorum.voters": f"{NODE}@{HOST}:{ports['CONTROLLER']}",
        "listener.security.protocol.map": ",".join(f"{name}:{SECURITY.get(name, name)}" for name in ports),
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(chain),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.file),
        f"listener.name.{TLS.lower()}.ssl.client.auth": "required",
        **logins,
    }


def _credentials() -> str:
    return f"[name={USER},password={PASSWORD}]"
