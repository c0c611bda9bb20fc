"""What is wrong, in words for a person who can mend it."""

from dataclasses import dataclass


class Trouble(Exception):
    """Why something could not be done: the text says what happened, and it or `mend` what to do. The command shows both."""

    mend = ""


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `mend` says what to do, and is empty if all is well."""

    what: str
    mend: str = ""
