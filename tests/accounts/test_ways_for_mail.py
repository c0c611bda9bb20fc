"""Each way for mail that can be set is there: tests are given another, and would not miss it."""

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
def test_what_is_set_is_found(url: str, way: str, tmp_path):
    environment = os.environ | {
        "BUTT_HOME": str(tmp_path),
        "BUTT_EMAIL_URL": url,
        "DJANGO_SETTINGS_MODULE": "butt.settings",
    }
    command = [sys.executable, "-c", CODE]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.stdout == f"{way}\n", ran.stderr
