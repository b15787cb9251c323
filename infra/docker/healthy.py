"""`python -m infra.docker.healthy PORT`: whether the process on this port of the container says that it is ready.

It prints what is not ready and why, for `docker inspect`. It must not know which process that is.
"""

import sys
from http.client import HTTPConnection, HTTPException

ANSWER_SECONDS = 4.0


def main(port: str) -> int:
    """Ask.

    Returns:
        The exit code: 0 when it is ready.
    """
    connection = HTTPConnection("127.0.0.1", int(port), timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        print(answer.read().decode())  # noqa: T201
    except (OSError, HTTPException) as error:
        print(f"no answer: {error}")  # noqa: T201
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
