"""Where machines come from. A cloud is one of ours, or found by its name among the entry points of `butt.clouds`."""

from importlib.metadata import entry_points
from pkgutil import resolve_name

from butt.clouds.interface import Cloud, CloudTrouble
from butt.configuration import configuration

__all__ = ["Cloud", "CloudTrouble", "chosen_cloud"]

BUILT_IN = {"here": "butt.clouds.here:Here", "scaleway": "butt.clouds.scaleway:Scaleway"}


def chosen_cloud(name: str = "") -> Cloud:
    """The cloud called `name`, or the one that `BUTT_CLOUD` names. Raises `CloudTrouble` when there is none."""
    name = name or configuration().cloud
    if name in BUILT_IN:
        kind = resolve_name(BUILT_IN[name])
    elif others := list(entry_points(group="butt.clouds", name=name)):
        kind = others[0].load()
    else:
        raise CloudTrouble(f"There is no cloud called “{name}”; BUTT_CLOUD is one of {', '.join(BUILT_IN)}.")
    made: Cloud = kind.from_configuration(configuration())
    return made
