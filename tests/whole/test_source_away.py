"""The source, or the registry of its packages, cannot be reached: what was built before is used."""

import subprocess
from pathlib import Path

from tests.service import Service


def test_a_service_starts_with_its_earlier_release_and_says_why(tmp_path: Path, built_pub: Path):
    with Service(tmp_path / "home", built_pub) as site:
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("my")
        before = alice.waits_for("alive", bot)
        site.down()
        site.environment["BUTT_PUB_SOURCE"] = str(tmp_path / "nowhere")
        site.up()
        assert alice.waits_for("alive", bot)["ssbId"] == before["ssbId"]
        assert alice.waits_for("alive", alice.names_a_bot("other"))
        assert "The previous release is used" in (site.home / "up.log").read_text()


def test_a_service_without_any_release_does_not_start(tmp_path: Path, built_pub: Path):
    site = Service(tmp_path / "home", built_pub)
    try:
        environment = site.environment | {"BUTT_PUB_SOURCE": str(tmp_path / "nowhere")}
        done = subprocess.run(
            site.command(), env=environment, check=False, timeout=60, capture_output=True, text=True
        )
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ")
    finally:
        site.end_leftovers()
