"""Errors in words for a person."""


class Trouble(Exception):
    """Why something could not be done: the text says what happened, and it or `mend` what to do. The command shows both."""

    mend = ""
