"""New code on trial in a container: whatever it does to the disk, the earlier code finds room and its
files.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from butt.sources.releases import PUB_SOURCE, build
from tests.salt.bots import Bots
from tests.salt.land import run
from tests.salt.machine import Engine
from tests.salt.test_container import inside

OTHER = "0" * 16


@pytest.fixture
def other_release(offered: Path) -> Iterator[str]:
    """The same code under another name, as far as a machine can tell."""
    made = offered / "releases" / f"{OTHER}.tar.gz"
    shutil.copy(offered / "releases" / f"{build(PUB_SOURCE).digest}.tar.gz", made)
    yield OTHER
    made.unlink()


@pytest.fixture
def small_disk(bots: Bots, engine: Engine) -> Iterator[str]:
    """A bot whose data has a disk of 100 MiB to itself."""
    bot = bots.add()
    bots.converge()
    bots.wanted[bot]["run"] = False
    bots.converge()
    place = engine.place_of(bot)
    kept = place.with_name(f"{place.name}.kept")
    shutil.copytree(place, kept)
    run("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(place))
    shutil.copytree(kept, place, dirs_exist_ok=True)
    run("chown", "-R", "10001:10001", str(place / "_data"))
    shutil.rmtree(kept)
    yield bot
    engine.docker("rm", "-f", f"butt-{bot}", check=False)
    run("umount", str(place))


def test_code_that_fills_the_disk_is_ended_and_the_earlier_code_finds_room(
    bots: Bots, small_disk: str, engine: Engine, other_release: str
):
    bot, own = small_disk, build(PUB_SOURCE).digest
    secret = (engine.place_of(bot) / "_data" / "secret").read_text()
    order = bots.wanted[bot] | {"run": True, "launch": 2, "release": other_release}
    bots.wanted[bot] = order | {"on_trial": True, "previous": own}
    bots.converge()
    assert engine.beside(bot) == {"_data", "ballast", "trial.json"}
    assert bots.converge() == {}, "a trial is no change"
    inside(engine, bot, "cd /data && echo new > index && cat /dev/zero > junk")
    assert bots.run()[0] == ["1 of its bots are not as they should be."]
    seen = bots.teller.last_report()["bots"][bot]
    assert (seen["running"], seen["exitCode"], seen["error"]) == (False, 74, "The disk is full.")
    bots.run()
    assert not bots.teller.last_report()["bots"][bot]["running"], "it waits for what is decided"

    bots.wanted[bot] = order | {"launch": 3, "release": own}
    bots.converge()
    assert engine.beside(bot) == {"_data"}
    data = engine.place_of(bot) / "_data"
    assert not {"index", "junk"} & {path.name for path in data.iterdir()}
    assert (data / "secret").read_text() == secret
    assert bots.teller.last_report()["bots"][bot]["running"]


def test_proven_code_keeps_its_files_and_is_not_restarted(bots: Bots, engine: Engine, other_release: str):
    bot = bots.add()
    bots.converge()
    own = bots.wanted[bot]["release"]
    bots.wanted[bot] |= {"launch": 2, "release": other_release, "on_trial": True, "previous": own}
    bots.converge()
    assert engine.has_image(own), "the way back needs no room"
    inside(engine, bot, "cd /data && echo new > index")
    before = engine.bots()[bot]
    bots.wanted[bot] |= {"on_trial": False, "previous": ""}
    assert set(bots.converge()) == {f"prove {bot}"}
    assert engine.beside(bot) == {"_data"}
    assert (engine.place_of(bot) / "_data" / "index").exists()
    assert engine.bots()[bot] == before
    assert bots.converge() == {}
