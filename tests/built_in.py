"""The pubs that tests run.

`SOURCE` is the one that comes with the service. `TEST_PUB=node` or `TEST_PUB=python` has all tests run with that one
instead, as if it came with the service.
"""

import os
from pathlib import Path

from butt.sources.releases import NODE_PUB, PUB_SOURCE, PYTHON_PUB

CHOSEN = os.environ.get("TEST_PUB", "")
SOURCE: Path = {"node": NODE_PUB, "python": PYTHON_PUB, "": PUB_SOURCE}[CHOSEN]

SETTINGS = {"BUTT_PUB_SOURCE": str(SOURCE)} if CHOSEN else {}
"""What a service in tests is told besides."""
