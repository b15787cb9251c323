"""What stops a program from starting, as one sentence for the person at the terminal.

It must not know which program starts: the command line prints the sentence and ends, nothing else reads it.
"""

from events.errors import MimoError


class CannotStart(MimoError):
    """Something outside the program is missing or wrong; the text says what, and what to do about it."""

    code = "cannot_start"
