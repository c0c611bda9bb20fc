"""The public server without a steward: bots stay as the test says they are."""

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from butt.agents.states import State
from tests.people import PASSWORD, ssb_id
from tests.service import Person, Service, wait_for

REASON = "It ended right after its start."


class Pages(Service):
    def __init__(self, home: Path) -> None:
        super().__init__(home, home, domain="butt.nz")
        self.environment["BUTT_URL"] = self.url
        self.painted = 0

    def up(self) -> None:
        self.log = (self.home / "up.log").open("ab")
        self.run("manage", "--home", str(self.home), "migrate").wait(60)
        self.process = self.run("public", "--home", str(self.home), "--port", str(self.port))
        wait_for(self._is_up)

    def run(self, *command: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "butt", *command],
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def bot_in(self, state: State, owner: Person, name: str) -> Any:
        """A bot of that name, as steward and monitor would have left it."""
        bot = owner.names_a_bot(name)
        self.painted += 1
        self.write(
            bot, "progress", ssb_id=ssb_id(self.painted), address=f"{name}.butt.nz", port=9000 + self.painted
        )
        self.turn(bot, state, REASON if state is State.BROKEN else "")
        return bot

    def turn(self, bot: Any, state: State, reason: str = "") -> None:
        """A bot gets into another state."""
        down = state in (State.STOPPING, State.STOPPED)
        gone_at = datetime.now(UTC) + timedelta(days=7) if state is State.LEAVING else None
        self.write(bot, "wanted", run=not down, gone_at=gone_at and f"{gone_at:%F %T}")
        self.write(bot, "observed", alive=state is State.ALIVE, launch=1)
        self.write(bot, "progress", state=str(state), reason=reason, launch=1)

    def write(self, bot: Any, table: str, **fields: Any) -> None:
        """What another part of the service would write of a bot."""
        columns = ", ".join(f"{name} = ?" for name in fields)
        statement = f"UPDATE agents_{table} SET {columns} WHERE bot_id = ?"
        database = sqlite3.connect(self.home / "butt.sqlite3", timeout=20)
        with database:
            changed = database.execute(statement, (*fields.values(), bot["id"].replace("-", ""))).rowcount
        database.close()
        assert changed == 1


def signs_in(page: Any, url: str, email: str) -> None:
    """As everybody does: over the page `start`."""
    page.goto(f"{url}/start")
    page.get_by_label("email").fill(email)
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
