"""Keeps modules out of memory that libraries import, and that this service uses rarely or never."""

import sys
import threading
from importlib import import_module
from types import ModuleType

_one_at_a_time = threading.RLock()


class _Postponed(ModuleType):
    """Stands for a module until something in it is used."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        with _one_at_a_time:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
            return getattr(import_module(self.__name__), name)


def postpone(*modules: str) -> None:
    """Load each of these modules only when something in it is used."""
    for module in modules:
        sys.modules.setdefault(module, _Postponed(module))


def load_ninja() -> None:
    """Load ninja without Django's test tools: it looks there for a signal, and they load unittest and a server."""
    from django.core import signals

    spared = "django.test.signals"
    if spared in sys.modules:
        return
    sys.modules[spared] = signals
    import_module("ninja")
    del sys.modules[spared]
