"""What the servers load, and what they load only when it is used."""

import os
import subprocess
import sys
from pathlib import Path

SPARED = {"django.test", "unittest", "fido2", "cryptography", "segno", "prometheus_client", "sqlparse.sql"}
SPARED_BY_PUBLIC = {"obstore", "pyrage"}
"""They are for copies and backups, which the public server neither makes nor reads."""

LOADS = """
import sys
from butt.command import configure
configure()
from butt.command.children import Nursery
Nursery()
print(*sys.modules, sep="\\n")
"""

LOADS_PUBLIC = """
import sys
from butt.command import configure
configure()
import butt.public.asgi, butt.public.urls
print(*sys.modules, sep="\\n")
"""

USES_SQL = """
from butt.command import configure
configure()
from django.db import connection
print(*connection.ops.prepare_sql_script("SELECT 1; SELECT 2"), sep="\\n")
"""

USES = """
import sys
from butt.command import configure
configure()
from allauth.mfa.base.views import webauthn_auth
assert "fido2" not in sys.modules
print(webauthn_auth.WebAuthn.__module__, webauthn_auth.begin_authentication.__name__, "fido2" in sys.modules)
from allauth.mfa.webauthn.internal.auth import WebAuthn
assert WebAuthn is webauthn_auth.WebAuthn
"""


def said_by(code: str, home: Path) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        env=environment | {"BUTT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.split()


def test_no_server_loads_what_it_rarely_uses(tmp_path: Path) -> None:
    assert not SPARED & set(said_by(LOADS, tmp_path))


def test_the_public_server_alone_does_without_object_storage(tmp_path: Path) -> None:
    loaded = set(said_by(LOADS_PUBLIC, tmp_path))
    assert "butt.copies.places" in loaded
    assert not SPARED_BY_PUBLIC & loaded


def test_sql_of_migrations_is_still_taken_apart(tmp_path: Path) -> None:
    assert said_by(USES_SQL, tmp_path) == ["SELECT", "1;", "SELECT", "2"]


def test_passkeys_are_loaded_when_they_are_used(tmp_path: Path) -> None:
    assert said_by(USES, tmp_path) == ["allauth.mfa.webauthn.internal.auth", "begin_authentication", "True"]
