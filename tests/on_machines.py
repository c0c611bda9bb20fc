"""The code that machines run under Salt, which finds the modules beside it there."""

import importlib
import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

MODULES = Path(__file__).parents[1] / "salt" / "files" / "_modules"


def module_of(name: str, **dunders: Any) -> dict[str, Any]:
    """What the module defines. `dunders` are what Salt gives it, such as `salt` for `__salt__`."""
    with _beside_others():
        given = {f"__{name}__": value for name, value in dunders.items()}
        return runpy.run_path(str(MODULES / f"{name}.py"), init_globals=given)


def imported(name: str) -> ModuleType:
    """The module, as another one beside it gets it."""
    with _beside_others():
        return importlib.import_module(name)


@contextmanager
def _beside_others() -> Iterator[None]:
    sys.path.append(str(MODULES))
    try:
        yield
    finally:
        sys.path.remove(str(MODULES))
