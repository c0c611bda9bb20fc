"""What `butt doctor` found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was checked; `mend` says what to do, and is empty if all is well."""

    what: str
    mend: str = ""
