"""`python -m infra.docker.first_start`: makes the secrets of an installation, those that are missing yet.

Each lies in a folder of its own under MIMO_DATA, and docker-compose.yml shows each service only its own: the private
keys to the command API, the public ones to the query API, one login to each of those who use the database, and all
passwords to the database. It must not know the database: `logins.sql` makes the logins there.
"""

import sys
from pathlib import Path
from secrets import token_hex

from events.errors import CannotStart
from infra.secrets import load_secrets, make_private_file
from infra.settings import Settings, load_settings
from infra.tokens import issuing_tokens

SUPERUSER = "postgres"
LOGINS = ("mimo", "command_api", "query_api", "projector", "relay", "operations")
"""The logins of the database; the first owns it. `logins.sql` says which role each may take."""
PASSWORD_BYTES = 32
READABLE = 0o644


def make_secrets(settings: Settings) -> None:
    """Make what is missing, and publish the public keys anew.

    Args:
        settings: say where; the folders are made if they are missing.

    Raises:
        CannotStart: a file cannot be read or made.
    """
    tokens = issuing_tokens(settings, load_secrets(settings))
    _publish(settings.data / "public" / "jwks.json", tokens.jwks().decode())
    for login in LOGINS:
        path = settings.data / "logins" / login / "pgpass"
        path.parent.mkdir(parents=True, exist_ok=True)
        make_private_file(path, f"*:*:*:{login}:{token_hex(PASSWORD_BYTES)}\n")
        _publish(settings.data / "passwords" / login, path.read_text().strip().rpartition(":")[2])
    superuser = settings.data / "passwords" / SUPERUSER
    if not superuser.exists():  # only the database's own container ever uses it
        _publish(superuser, token_hex(PASSWORD_BYTES))


def _publish(path: Path, text: str) -> None:
    """Write a file that other accounts may read, whole or not at all: the database runs under another account."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    draft.write_text(text)
    draft.chmod(READABLE)
    draft.replace(path)


def main() -> int:
    """Make the secrets that the settings of the environment ask for.

    Returns:
        The exit code.
    """
    try:
        make_secrets(load_settings())
    except (CannotStart, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
