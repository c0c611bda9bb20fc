"""What `butt doctor` found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at; `mend` says what to do, and is empty when all is well."""

    what: str
    mend: str = ""
