"""100 people want a machine at once from the stand-in, which limits calls: are all served, and how close to
the limit?

The floor is what the stand-in itself would need: a machine cannot be made with fewer calls, and the limit
lets no more of them through per second. `p95` is measured from the first request until the machine is ready.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

PEOPLE, LIMIT, BOOT = 100, 40, 5.0
CALLS_FOR_ONE = 10
"""A group, its ports, two addresses, a volume, a server, its root's mark, its document, its start, its names. Looks come on top."""

STANDIN = Path(__file__).parents[1] / "standins" / "scaleway"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BUTT_HOME": folder, "DJANGO_SETTINGS_MODULE": "butt.settings"}
        sys.path.insert(0, str(STANDIN))
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        standin = start(Path(folder) / "scaleway")
        try:
            measure(url_of(standin))
        finally:
            standin.terminate()
            standin.wait()


def start(state: Path) -> "subprocess.Popen[str]":
    """Runs in a process of its own, so that it does not hinder the keeper."""
    command = [
        sys.executable,
        "-m",
        "scaleway_standin",
        "--port",
        "0",
        "--state",
        str(state),
        "--dns-zone",
        "example.org",
    ]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(STANDIN)}
    )


def url_of(standin: "subprocess.Popen[str]") -> str:
    assert standin.stdout
    return standin.stdout.readline().split()[0]


def measure(url: str) -> None:
    import logging

    import requests
    from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY

    from butt.clouds import rentals
    from butt.clouds.keeper import Keeper
    from butt.clouds.models import Rented
    from butt.clouds.scaleway import Scaleway
    from butt.configuration import configuration

    logging.disable(logging.INFO)
    requests.post(f"{url}/_standin/delays", json={"boot": BOOT}, timeout=5)
    requests.post(f"{url}/_standin/limit", json={"per_second": LIMIT, "burst": LIMIT}, timeout=5)
    os.environ.update(
        BUTT_SCALEWAY_ACCESS_KEY=ACCESS_KEY,
        BUTT_SCALEWAY_SECRET_KEY=SECRET_KEY,
        BUTT_SCALEWAY_PROJECT=PROJECT,
        BUTT_SCALEWAY_URL=url,
        BUTT_SCALEWAY_DOMAIN="example.org",
        BUTT_SCALEWAY_CALLS=str(LIMIT * 0.95),
    )
    keeper = Keeper(Scaleway.from_configuration(configuration()), lambda *_: b"#cloud-config\n")
    people = [uuid.uuid4() for _ in range(PEOPLE)]
    began = time.monotonic()
    for number, agent_id in enumerate(people):
        rentals.rent(agent_id, bots=1, names=[f"bot{number}"])
    took: dict[uuid.UUID, float] = {}
    while len(took) < PEOPLE and time.monotonic() - began < 600:
        if not keeper.round():
            time.sleep(0.05)
        for agent_id in Rented.objects.filter(state="ready").values_list("agent_id", flat=True):
            took.setdefault(agent_id, time.monotonic() - began)
    counted = requests.get(f"{url}/_standin/calls", timeout=5).json()
    has = requests.get(f"{url}/_standin/state", timeout=5).json()
    from bench.claims import claim

    floor = PEOPLE * CALLS_FOR_ONE / LIMIT + BOOT
    p95 = statistics.quantiles(took.values(), n=20)[-1]
    claim(f"{PEOPLE} machines at once, 95 of 100 ready", p95, floor, "s", "what the limit on calls allows")
    print(
        f"  {len(took)} of {PEOPLE} ready; {len(has['server'])} servers, {len(has['volume'])} volumes with roots, {len(has['ip'])} addresses, {len(has['record'])} records"
    )
    print(
        f"  {sum(counted['calls'].values())} calls, {counted['struck'].get('over_limit', 0)} beyond the limit of {LIMIT}/s"
    )
    print(
        f"  p50 {statistics.median(took.values()):.1f} s, p95 {p95:.1f} s, floor {floor:.1f} s, ratio {p95 / floor:.2f}"
    )


if __name__ == "__main__":
    main()
