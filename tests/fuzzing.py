"""How much property tests try, and whether they try the same each time."""

import os

FUZZ = int(os.environ.get("FUZZ", "1"))
"""How many times as many examples to try as a usual run does. More than twenty take hypothesis a lot of memory.

A usual run tries the same examples each time, so what it finds comes from the change under test. With a higher number they
are drawn anew each time: `FUZZ=20 make test ARGS="--timeout 0 tests/steward"`.
"""
