"""Code in a container that writes without end: it is stopped, and the machine says why."""

from tests.salt.bots import Bots
from tests.salt.machine import Engine
from tests.salt.test_container import inside
from tests.salt.test_trial import small_disk

__all__ = ["small_disk"]


def writes(engine: Engine, bot: str, name: str, size: int) -> None:
    """As code of the bot's would."""
    code = f"print(open('/data/{name}', 'wb').write(bytes({size})))"
    assert inside(engine, bot, f'python -c "{code}"') == str(size)


def test_a_bot_that_fills_the_disk_is_stopped_and_runs_again_when_there_is_room(
    bots: Bots, small_disk: str, engine: Engine
):
    bot, data = small_disk, engine.place_of(small_disk) / "_data"
    bots.wanted[bot] |= {"run": True, "launch": 2, "disk": 1 << 20}
    bots.converge()
    assert bots.converge() == {}, "to measure it is no change"
    writes(engine, bot, "junk", 70_000_000)
    assert bots.run()[0] == ["1 of its bots are not as they should be."]
    seen = bots.teller.last_report()["bots"][bot]
    assert (seen["running"], seen["exitCode"]) == (False, 74)
    assert seen["diskStop"]["limit"] == 1 << 20
    assert seen["diskStop"]["used"] > 70_000_000

    bots.wanted[bot] |= {"launch": 3}
    bots.tell()
    bots.run()
    seen = bots.teller.last_report()["bots"][bot]
    assert (seen["running"], seen["launch"], seen["exitCode"]) == (False, 3, 74), (
        "a new launch has no more room"
    )

    bots.wanted[bot] |= {"disk": 0}
    bots.converge()
    bots.converge()
    assert bots.teller.last_report()["bots"][bot]["running"], "without a limit it may use what there is"
    writes(engine, bot, "more", 30_000_000)
    bots.run()
    seen = bots.teller.last_report()["bots"][bot]
    assert seen["running"] is False
    assert seen["diskStop"]["limit"] == 0
    assert seen["diskStop"]["left"] < seen["diskStop"]["needed"]

    (data / "junk").unlink()
    bots.converge()
    assert bots.teller.last_report()["bots"][bot]["running"]
