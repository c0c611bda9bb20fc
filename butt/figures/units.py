"""Sizes, durations and counts as a person says them."""

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DURATIONS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_KILO = 1024
_ONE_DIGIT = 9.95


def size(count: float) -> str:
    """`100 MiB`: one digit after the point below ten, where it says something, and none from there on."""
    value, unit = float(count), 0
    while unit < len(_SIZES) - 1 and round(value) >= _KILO:
        value, unit = value / _KILO, unit + 1
    if unit and value < _ONE_DIGIT and round(value, 1) != round(value):
        return f"{value:.1f} {_SIZES[unit]}"
    return f"{round(value)} {_SIZES[unit]}"


def duration(seconds: float) -> str:
    """`100 days`: whole units that have passed, of the largest there is."""
    whole = int(seconds)
    length, name = next(((n, name) for n, name in _DURATIONS if whole >= n), _DURATIONS[-1])
    number = whole // length
    return f"{number} {name}{'' if number == 1 else 's'}"


def number(count: float) -> str:
    """`12,345`, and `1.5` where an average is not whole."""
    return f"{count:,.1f}".removesuffix(".0")
