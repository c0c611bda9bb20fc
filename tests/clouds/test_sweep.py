"""`butt sweep` in the cloud: what belongs to nobody is listed with its price, and removed only on request."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

from butt.clouds import tagging
from butt.clouds.scaleway import Scaleway
from tests.clouds.account import Account
from tests.clouds.test_rights import keys
from tests.tables import with_tables
from tests.visitor import PASSWORD


def butt(home: Path, account: Account, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment |= {f"BUTT_SCALEWAY_{name.upper()}": str(value) for name, value in keys(account).items()}
    environment |= {"BUTT_CLOUD": "scaleway", "BUTT_HOME": str(home)}
    environment["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    return subprocess.run(
        [sys.executable, "-m", "butt", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )


def test_an_orphaned_address_is_listed_with_its_price_and_removed_only_with_yes(
    account: Account, cloud: Scaleway, tmp_path: Path
):
    with_tables(tmp_path)
    nobody = uuid.uuid4()
    cloud._instances.create_ip(zone="fr-par-1", type_="routed_ipv4", tags=tagging.tags(nobody))

    listed = butt(tmp_path, account, "sweep")
    assert listed.returncode == 0, listed.stderr
    assert f"€ a month: agent {nobody} has no machine" in listed.stdout
    assert "1 in the cloud" in listed.stdout
    assert len(account.has()["ip"]) == 1

    refused = butt(tmp_path, account, "sweep", "--yes")
    assert "the wrong one" in refused.stderr
    assert len(account.has()["ip"]) == 1, "an empty database knows nobody, so everybody would be nobody"

    made = butt(tmp_path, account, "manage", "createsuperuser", "--no-input", "--email", "olga@example.org")
    assert made.returncode == 0, made.stderr
    assert "1 removed from the cloud." in butt(tmp_path, account, "sweep", "--yes").stdout
    assert account.has()["ip"] == []
    assert "Nothing in the cloud is orphaned." in butt(tmp_path, account, "sweep").stdout
