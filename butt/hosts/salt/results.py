"""Reads strictly what a run of states returned: a failure is never read as “nothing to do”."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST = 300


@dataclass(frozen=True)
class Returned:
    """What a machine returned for a call. Without an answer, nothing is known about what it did."""

    answered: bool
    retcode: int = -1
    value: Any = field(default=None)


def troubles(returned: Returned, generation: int, wanted: Mapping[str, bool]) -> list[str]:
    """Why the run did not reach what is wanted, in words; empty if it did.

    It did if the return code is 0, every state's result is true, and the machine's own report says that it
    carried out `generation` and that every bot of `wanted` runs or does not run, as wanted.
    """
    value = returned.value
    if not returned.answered:
        return ["It did not answer."]
    if isinstance(value, list):
        lines = [_short(line) for line in value]
        # The first line only announces the others.
        return [line for line in lines if not line.endswith(":")] or lines or ["It returned nothing."]
    if not isinstance(value, dict) or not all(isinstance(state, dict) for state in value.values()):
        return [_short(value)]
    failed = [
        _short(f"{state.get('__id__', name)}: {state.get('comment', '')}")
        for name, state in value.items()
        if state.get("result") is not True
    ]
    if failed:
        return failed
    if returned.retcode:
        return [f"Its run ended with {returned.retcode}."]
    return _unreported(value, generation, wanted)


def _unreported(value: dict[str, Any], generation: int, wanted: Mapping[str, bool]) -> list[str]:
    reports = [state.get("data") for state in value.values() if state.get("__id__") == "report"]
    said = reports[0] if len(reports) == 1 else None
    if not isinstance(said, dict) or not isinstance(said.get("bots"), dict):
        return ["Its run ended without a report."]
    if not isinstance(said.get("generation"), int) or said["generation"] < generation:
        return ["It has not carried out everything yet."]
    if said["generation"] > generation:
        return []  # the run already knew a later generation
    wrong = [bot_id for bot_id, run in wanted.items() if bool(said["bots"].get(bot_id)) is not run]
    return [f"{len(wrong)} of its bots are not as they should be."] if wrong else []


def _short(text: object) -> str:
    """The last line of what may be a whole traceback."""
    lines = str(text).strip().splitlines() or ["It returned nothing."]
    return lines[-1].strip()[:LONGEST]
