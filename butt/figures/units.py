"""Sizes, durations and counts in readable units."""

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_DURATIONS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_KILO, _NEXT = 1024, 1023.5
_ONE_DIGIT = 9.95


def size(count: float) -> str:
    """`100 MiB`: below ten with one decimal unless that is zero, from ten on with none."""
    value, unit = float(count), 0
    while value >= _NEXT and unit < len(_SIZES) - 1:
        value, unit = value / _KILO, unit + 1
    if unit and value < _ONE_DIGIT and round(value, 1) != round(value):
        return f"{value:.1f} {_SIZES[unit]}"
    return f"{round(value)} {_SIZES[unit]}"


def duration(seconds: float) -> str:
    """`100 days`: completed units of the largest unit that fits."""
    whole = int(seconds)
    length, name = next(((n, name) for n, name in _DURATIONS if whole >= n), _DURATIONS[-1])
    number = whole // length
    return f"{number} {name}{'' if number == 1 else 's'}"


def number(count: float) -> str:
    """`12,345`, or `1.5` for an average that is not whole."""
    return f"{count:,.1f}".removesuffix(".0")
