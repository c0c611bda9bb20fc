"""Where machines come from. A cloud is found by its name among the entry points of `butt.clouds`."""

from butt.clouds.interface import Cloud, CloudTrouble
from butt.configuration import configuration
from butt.parts import CLOUDS, part_named

__all__ = ["Cloud", "CloudTrouble", "chosen_cloud"]


def chosen_cloud() -> Cloud:
    """The cloud that `BUTT_CLOUD` names. Raises `UnknownPart`."""
    made: Cloud = part_named(CLOUDS, configuration().cloud).load().from_configuration(configuration())
    return made
