"""The code that machines run under Salt, which finds the modules beside it there."""

import runpy
import sys
from pathlib import Path
from typing import Any

MODULES = Path(__file__).parents[1] / "salt" / "files" / "_modules"


def module_of(name: str, **dunders: Any) -> dict[str, Any]:
    """What the module defines. `dunders` are what Salt gives it, such as `salt` for `__salt__`."""
    sys.path.append(str(MODULES))
    try:
        given = {f"__{name}__": value for name, value in dunders.items()}
        return runpy.run_path(str(MODULES / f"{name}.py"), init_globals=given)
    finally:
        sys.path.remove(str(MODULES))
