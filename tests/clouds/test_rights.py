"""What `butt doctor --cloud scaleway` says."""

import os
import subprocess
import sys
from pathlib import Path

from scaleway_standin import ACCESS_KEY, PROJECT, SECRET_KEY

from tests.clouds.account import Account

Done = subprocess.CompletedProcess[str]
ENOUGH = {"price": "1100"}


def doctor(home: Path, plain: dict[str, str] | None = None, **settings: object) -> "Done":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment |= {f"BUTT_SCALEWAY_{name.upper()}": str(value) for name, value in settings.items()}
    environment |= {f"BUTT_{name.upper()}": value for name, value in (plain or {}).items()}
    command = [sys.executable, "-m", "butt", "doctor", "--cloud", "scaleway", "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def keys(account: Account, **more: object) -> dict[str, object]:
    given = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "project": PROJECT}
    return {**given, "url": account.url, "calls": 100, "domain": "example.org", "zones": "fr-par-1", **more}


def test_with_good_keys_all_is_well(account: Account, tmp_path: Path):
    done = doctor(tmp_path, ENOUGH, **keys(account))
    assert done.returncode == 0, done.stdout
    assert "The DNS zone example.org can be read." in done.stdout
    assert set(account.calls()["calls"]) == {"GET"}, "it reads and changes nothing"


def test_without_keys_it_names_the_settings(tmp_path: Path):
    done = doctor(tmp_path)
    assert done.returncode == 1
    assert "BUTT_SCALEWAY_" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_wrong_secret_is_reported_but_not_shown(account: Account, tmp_path: Path):
    secret = "00000000-0000-4000-8000-00000000dead"
    done = doctor(tmp_path, **keys(account, secret_key=secret))
    assert done.returncode == 1
    assert "refuses the key" in done.stdout
    assert secret not in done.stdout + done.stderr


def test_a_missing_right_is_named(account: Account, tmp_path: Path):
    account.steer("rights", missing=["BlockStorageFullAccess"])
    done = doctor(tmp_path, **keys(account))
    assert done.returncode == 1
    assert "Give the key's policy BlockStorageFullAccess." in done.stdout


def test_a_key_that_expires_soon_is_reported(account: Account, tmp_path: Path):
    account.steer("key", expires_at="2020-01-01T00:00:00Z")
    assert "expires on 2020-01-01" in doctor(tmp_path, **keys(account)).stdout


def test_a_missing_dns_zone_is_reported(account: Account, tmp_path: Path):
    done = doctor(tmp_path, **keys(account, domain="example.net"))
    assert "check BUTT_SCALEWAY_DOMAIN" in done.stdout


def test_a_missing_salt_master_is_reported(tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    command = [sys.executable, "-m", "butt", "doctor", "--home", str(tmp_path)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment | {"BUTT_CLOUD": "scaleway"},
        check=False,
    )
    assert "Set BUTT_HOST=salt, BUTT_SALT=master and BUTT_SALT_MASTER." in done.stdout


def test_a_price_below_the_cost_of_a_machine_is_reported_with_both_numbers(account: Account, tmp_path: Path):
    done = doctor(tmp_path, {"price": "500", "euro": "1.2"}, **keys(account))
    assert done.returncode == 1
    assert "STARDUST1-S in fr-par-1" in done.stdout
    assert (
        "9.39 € (server 0.44, IPv4 address 2.92, root volume 0.86, volume 1.29, snapshots 3.88)"
        in done.stdout
    )
    assert "That is 11.27 USD, and BUTT_PRICE is 5.00 USD." in done.stdout
    assert "Set BUTT_PRICE to 1127 or more" in done.stdout


def test_a_sufficient_price_is_fine_and_savings_are_considered(account: Account, tmp_path: Path):
    saving = {"price": "500", "snapshots": "1", "cloud_ipv4": "false", "euro": "1.2"}
    done = doctor(tmp_path, saving, **keys(account))
    assert done.returncode == 0, done.stdout
    assert "3.88 € (server 0.44, root volume 0.86, volume 1.29, snapshots 1.29)" in done.stdout


def test_without_payments_the_cost_is_only_shown(account: Account, tmp_path: Path):
    done = doctor(tmp_path, {"billing": "free"}, **keys(account))
    assert done.returncode == 0, done.stdout
    assert "A machine for one bot costs 9.39 €" in done.stdout


def test_the_cheapest_available_machine_is_compared(account: Account, tmp_path: Path):
    account.steer("stock", **{"fr-par-1/STARDUST1-S": "shortage"})
    assert "DEV1-S in fr-par-1" in doctor(tmp_path, ENOUGH, **keys(account)).stdout
