"""What stops a program from starting, as one sentence for the person at the terminal.

It must not know which program starts: the command line prints the sentence and ends, nothing else reads it.
"""


class CannotStart(Exception):  # noqa: N818 - it reads as what it says: raise CannotStart("The port is taken.")
    """Something outside the program is missing or wrong; the text says what, and what to do about it."""
