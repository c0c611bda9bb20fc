"""From `make up` in a checkout on a bare Debian 12 until the service answers, beside the goal: as root, with mmdebstrap.

Nothing is there but Python and make. What pip and apt ask for comes from folders on this disk, so no network is measured.
"""

import statistics

from bench.claims import claim
from tests.installing.readme import PYTHONS, seconds

SUITE, ROUNDS = "bookworm", 3
GOAL = 60.0
"""Seconds."""


def main() -> None:
    took = [seconds(SUITE, "up") for _ in range(ROUNDS)]
    median = statistics.median(took)
    print(f"  {SUITE}, {PYTHONS[SUITE]}: {median:.0f} s ({min(took):.0f}-{max(took):.0f})")
    claim("from `make up` on a bare Debian 12 to a service that answers", median, GOAL, "s", "the goal")


if __name__ == "__main__":
    main()
