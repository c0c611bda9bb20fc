"""Commands where the database cannot be used."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

URLS = {"away": "postgres://butt:hush@127.0.0.1:1/butt", "empty": "sqlite:///{folder}/empty.sqlite3"}
OLDER = """\
CREATE TABLE django_migrations (id integer PRIMARY KEY, app text, name text, applied datetime);
INSERT INTO django_migrations VALUES (1, 'agents', '0001_initial', CURRENT_TIMESTAMP);
"""
COMMANDS = ("machine list", "backup new.zip", "first-operator olga@example.org", "move my here --reason why")
EACH = """
import sys
from butt.command import main
for line in sys.argv[1:]:
    try:
        main(line.split())
    except SystemExit as ended:
        print(line, "ended with", ended.code)
"""


@pytest.mark.parametrize("how", URLS)
def test_each_command_says_what_to_do_instead_of_a_traceback(how: str, tmp_path: Path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    environment |= {"BUTT_HOME": str(tmp_path), "BUTT_DATABASE_URL": URLS[how].format(folder=tmp_path)}
    command = [sys.executable, "-c", EACH, *COMMANDS]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.splitlines() == [f"{line} ended with 1" for line in COMMANDS], done.stderr
    assert done.stderr.count("Error: The ") == len(COMMANDS), done.stderr
    assert "`butt manage migrate`" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr
    assert not (tmp_path / "new.zip").exists()


def test_a_database_from_before_the_oldest_migrations_says_which_version_migrates_it(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "butt.sqlite3")) as database:
        database.executescript(OLDER)
    for line in ("manage migrate", "doctor"):
        command = [sys.executable, "-m", "butt", *line.split(), "--home", tmp_path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1
        assert "this version cannot migrate it" in done.stdout + done.stderr
        assert "Install version 0.1.0, run its `butt manage migrate`" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
