"""What a request may contain: the typed parameters of the official SDK, which is generated from Stripe's
OpenAPI document.

A parameter that is not among them is refused, and so is a value of another type.
"""

from __future__ import annotations

import functools
import importlib
import re
import types
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Union, get_args, get_origin

import stripe
import typing_extensions

from stripe_standin.errors import Refused, invalid

_SNAKE = re.compile(r"(?<!^)(?=[A-Z])")
_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)
_MISFIT = object()


def checked(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """`given` with its values in their own types. `name` is the SDK's, like `SubscriptionCreateParams`."""
    return _table(_hints(_params(name)), given, "")


@functools.cache
def _params(name: str) -> Any:
    # `test_helpers.TestClockCreateParams` is in a package of its own.
    *folders, last = name.split(".")
    module = ".".join(["stripe.params", *folders, f"_{_SNAKE.sub('_', last).lower()}"])
    return getattr(importlib.import_module(module), last)


@functools.cache
def _hints(params: Any) -> dict[str, tuple[Any, bool]]:
    """By name: its type, and whether it is required."""
    found = typing_extensions.get_type_hints(
        params, localns={"StripeContext": object, "Mapping": Mapping}, include_extras=True
    )
    return {
        name: (_bare(hint), get_origin(hint) is not typing_extensions.NotRequired)
        for name, hint in found.items()
        if not (name in _OPTIONS and "Params" in params.__name__ and params.__name__.endswith("Params"))
    }


def _bare(hint: Any) -> Any:
    while get_origin(hint) in {typing_extensions.NotRequired, typing_extensions.Required}:
        (hint,) = get_args(hint)
    return hint


def _table(hints: dict[str, tuple[Any, bool]], given: dict[str, Any], at: str) -> dict[str, Any]:
    found = {}
    for name, value in given.items():
        path = f"{at}[{name}]" if at else name
        if name not in hints:
            raise invalid(f"Received unknown parameter: {path}", path, "parameter_unknown")
        found[name] = _value(hints[name][0], value, path)
    for name, (_, needed) in hints.items():
        if needed and name not in given:
            path = f"{at}[{name}]" if at else name
            raise invalid(f"Missing required param: {path}.", path, "parameter_missing")
    return found


def _value(hint: Any, value: Any, path: str) -> Any:
    made = _typed(hint, value, path)
    if made is _MISFIT:
        raise invalid(f"Invalid {path}: {value!r}", path)
    return made


def _typed(hint: Any, value: Any, path: str) -> Any:
    """`value` in the type, or `_MISFIT`. Raises `Refused` for what is wrong further inside."""
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return _either(get_args(hint), value, path)
    if origin is Literal:
        return value if value in get_args(hint) else _MISFIT
    if origin is list:
        if not isinstance(value, list):
            return _MISFIT
        (inner,) = get_args(hint)
        return [_value(inner, each, f"{path}[{number}]") for number, each in enumerate(value)]
    if origin is dict or "UntypedStripeObject" in str(hint):
        return value if isinstance(value, dict) else _MISFIT
    if typing_extensions.is_typeddict(hint):
        return _table(_hints(hint), value, path) if isinstance(value, dict) else _MISFIT
    return _plain(hint, value)


def _either(options: tuple[Any, ...], value: Any, path: str) -> Any:
    named = [option for option in options if get_origin(option) is Literal]
    if any(get_args(option) != ("",) for option in named):
        # `Literal["a", "b"] | str` leaves room for later versions: this version knows no other value.
        options = tuple(option for option in options if option is not str)
    trouble: Refused | None = None
    for option in sorted(options, key=lambda option: option is str):
        try:
            made = _typed(option, value, path)
        except Refused as refused:
            trouble = refused
            continue
        if made is not _MISFIT:
            return made
    if trouble:
        raise trouble
    return _MISFIT


def _plain(hint: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return _MISFIT
    if hint is bool:
        return {"true": True, "false": False}.get(value, _MISFIT)
    if hint is int:
        return int(value) if re.fullmatch(r"-?\d{1,15}", value) else _MISFIT
    if hint in {float, Decimal}:
        try:
            return float(Decimal(value))
        except InvalidOperation:
            return _MISFIT
    return value
