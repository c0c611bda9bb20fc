"""Each mail backend that can be configured exists: tests use another one, and would not notice."""

import os
import subprocess
import sys

import pytest

CODE = "from django.core.mail import get_connection; print(type(get_connection()).__name__)"


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("console:", "ConsoleMail"),
        ("smtp://mail.example.org", "SmtpMail"),
        ("smtps://mail.example.org", "SmtpMail"),
    ],
)
def test_the_configured_backend_exists(url: str, way: str, tmp_path):
    environment = os.environ | {
        "BUTT_HOME": str(tmp_path),
        "BUTT_EMAIL_URL": url,
        "DJANGO_SETTINGS_MODULE": "butt.settings",
    }
    command = [sys.executable, "-c", CODE]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout == f"{way}\n", ran.stderr
