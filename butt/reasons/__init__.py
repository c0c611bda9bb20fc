"""Why something is as it is: stored as a code with values, and shown in words."""

import json
from collections.abc import Mapping
from typing import Any, Self, TypeAlias

from butt.reasons.words import WORDS

Value: TypeAlias = str | int

AS_SAID = "as-said"
"""The code of text that came from elsewhere, such as a bot's log or a provider, and that has no code of its own."""


class Reason(str):
    """A reason in English, with the `code` and `values` it is made of. A value may itself be a reason.

    What is stored is the code and the values. So a page can be shown in another language without anything being stored
    again. Raises `KeyError` for an unknown code or a missing value.
    """

    __slots__ = ("code", "values")

    code: str
    values: Mapping[str, Value]

    def __new__(cls, code: str, **values: Value) -> Self:
        reason = super().__new__(cls, WORDS[code].format_map(values).strip())
        reason.code, reason.values = code, values
        return reason

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Value]]:
        return (self.code,), dict(self.values)


def code_of(text: str) -> str:
    """The code of a reason; `as-said` for other text, and empty if there is none."""
    if not text:
        return ""
    return text.code if isinstance(text, Reason) else AS_SAID


def to_stored(text: str) -> str:
    """A reason as it is stored: JSON with its code, its values and, for releases that do not know the code, its words."""
    if not text:
        return ""
    packed = _packed(text) if isinstance(text, Reason) else {"code": AS_SAID, "values": {"text": text}}
    return json.dumps({**packed, "words": str(text)}, ensure_ascii=False)


def from_stored(stored: str) -> str:
    """The reason that was stored. Text that earlier releases stored, and reasons of later ones, come back as text."""
    if not stored.startswith('{"code": '):
        return stored
    try:
        packed = json.loads(stored)
        return _unpacked(packed)
    except (ValueError, RecursionError):
        return stored
    except (KeyError, TypeError, AttributeError):
        return str(packed.get("words", stored))


def _packed(value: Value) -> Any:
    if not isinstance(value, Reason):
        return value
    return {"code": value.code, "values": {name: _packed(inner) for name, inner in value.values.items()}}


def _unpacked(packed: Any) -> str:
    values = {
        name: _unpacked(value) if isinstance(value, dict) else value
        for name, value in packed["values"].items()
    }
    return str(values["text"]) if packed["code"] == AS_SAID else Reason(packed["code"], **values)
