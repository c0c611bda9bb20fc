"""Behind HTTPS everything is strict; on loopback nothing gets in the way."""

import os
import subprocess
import sys
from pathlib import Path

SAY = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
call_command("check", deploy=True, fail_level="WARNING")
plain = Client().get("/start", headers={"Host": "butt.example"})
print(plain.status_code, plain.get("Location", ""))
print(Client().get("/up", headers={"Host": "butt.example"}).status_code)
forged = Client().get("/start", headers={"Host": "butt.example", "X-Forwarded-Proto": "https"})
print(forged.status_code)
behind = Client().get("/start", secure=True, headers={"Host": "butt.example"})
print(behind.status_code, behind.get("Strict-Transport-Security", ""))
print(all(cookie["secure"] for cookie in behind.cookies.values()) and len(behind.cookies))
"""


def said(home: Path, **settings: str) -> list[str]:
    variables = {**os.environ, "DJANGO_SETTINGS_MODULE": "butt.settings", "BUTT_HOME": str(home), **settings}
    ran = subprocess.run(
        [sys.executable, "-c", SAY], env=variables, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def test_behind_https_djangos_deployment_check_finds_nothing(tmp_path: Path):
    assert said(tmp_path, BUTT_URL="https://butt.example") == [
        "System check identified no issues (0 silenced).",
        "301 https://butt.example/start",
        "200",
        "301",
        "200 max-age=31536000; includeSubDomains; preload",
        "1",
    ]
