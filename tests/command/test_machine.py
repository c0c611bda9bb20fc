import os
import subprocess
import sys
from pathlib import Path

from tests.tables import with_tables


def butt(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BUTT_")}
    command = [sys.executable, "-m", "butt", *arguments, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)


def test_a_machine_is_added_and_removed(tmp_path: Path):
    with_tables(tmp_path)
    folder = Path(butt(tmp_path, "machine", "add").stdout.split()[-1])
    minion_id = folder.name
    assert f"id: {minion_id}\n" in (folder / "minion.conf").read_text()
    assert f"{minion_id}  ready  0 bots  seen never" in butt(tmp_path, "machine", "list").stdout
    full = "Machine.objects.update(facts={'diskFree': 9, 'diskTotal': 100})"
    butt(tmp_path, "manage", "shell", "-c", f"from butt.machines.models import Machine; {full}")
    assert "its disk is nearly full" in butt(tmp_path, "machine", "list").stdout
    token = (folder / "token").read_text()
    assert "within 24 hours" in butt(tmp_path, "machine", "rotate", minion_id).stdout
    assert (folder / "token").read_text() != token
    assert "cannot join" in butt(tmp_path, "machine", "remove", minion_id).stdout
    assert not folder.exists()
    assert "no machine" in butt(tmp_path, "machine", "remove", minion_id).stderr
