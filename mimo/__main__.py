"""Starts the `mimo` command, on the right Python.

It must not know any command, and must run, and say so, on every Python 3: no newer syntax here.
"""

import sys

OLDEST_PYTHON = (3, 11)


def main() -> None:
    """Run the command; what cannot start is said in one sentence."""
    if sys.version_info < OLDEST_PYTHON:
        found = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit("mimo needs Python 3.11 or newer; this is Python " + found + " (" + sys.executable + ").")
    try:
        from mimo.cli import run

        run()
    except KeyboardInterrupt:  # so early that nothing has begun
        sys.exit(130)


if __name__ == "__main__":
    main()
