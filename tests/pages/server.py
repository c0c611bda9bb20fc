"""The public server without a steward: bots stay as the test says they are."""

import json
import math
import random
import sqlite3
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Model

from butt.agents.models import Agent, Belongs, JournalEntry, Observed, Progress, Wanted
from butt.agents.states import State
from butt.figures.models import Sample
from butt.invites.models import Invite, InviteUse
from butt.peers.models import OtherPub
from scuttlekit import Address, KeyPair
from tests.people import PASSWORD, ssb_id
from tests.rows import insert
from tests.service import Person, Service

FRESH = timedelta(seconds=10)
"""So long are the figures of a bot as good as new for the next: they come every ten seconds."""

REASON = "It ended right after its start."


class Pages(Service):
    def __init__(self, home: Path, **settings: object) -> None:
        super().__init__(home, home, domain="butt.nz", **settings)
        self.environment["BUTT_URL"] = self.url
        self.environment["BUTT_JOINS_PER_MINUTE"] = "10000"
        self.painted = 0
        self.lived: tuple[uuid.UUID, datetime] | None = None

    def command(self) -> list[str]:
        command = [sys.executable, "-m", "butt", "public", "--home", str(self.home)]
        return [*command, "--port", str(self.port)]

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
        """Put a bot into another state."""
        down = state in (State.STOPPING, State.STOPPED)
        gone_at = datetime.now(UTC) + timedelta(days=7) if state is State.LEAVING else None
        paid = state is not State.UNPAID
        self.write(bot, "wanted", run=not down, paid=paid, gone_at=gone_at and f"{gone_at:%F %T}")
        self.write(bot, "observed", alive=state is State.ALIVE, launch=1)
        self.write(bot, "progress", state=str(state), reason=reason, launch=1)

    def is_gone(self, bot: Any) -> None:
        """The state in which the steward leaves a bot whose days of grace are over: it belongs to nobody."""
        with closing(sqlite3.connect(self.home / "butt.sqlite3", timeout=20)) as database, database:
            database.execute(
                "DELETE FROM agents_belongs WHERE source_agent_id = ?", [uuid.UUID(bot["id"]).hex]
            )

    def has_lived(self, bot: Any) -> None:
        """An hour of samples at two resolutions, with a gap and a restart. Bots made together get the same
        ones.
        """
        now, bot_id = datetime.now(UTC), uuid.UUID(bot["id"])
        if self.lived and now - self.lived[1] < FRESH:
            self._copy_figures(self.lived[0], bot_id)
        else:
            self.insert(*_figures(bot_id, now))
            self.lived = bot_id, now
        started = JournalEntry(
            at=now - timedelta(minutes=30),
            bot_id=bot_id,
            bot_name=bot["name"],
            actor="steward",
            what="#starting",
        )
        self.insert(started)
        self.write(
            bot,
            "observed",
            memory=100 * 2**20,
            disk=10 * 2**30,
            bytes_in=40 * 2**30,
            bytes_out=60 * 2**30,
            peers=3,
            attendants=2,
            tunnels=1,
            hops=2,
            started_at=f"{now - timedelta(days=100, hours=1):%F %T}",
            at=f"{now:%F %T.%f}",
        )

    def _copy_figures(self, source: uuid.UUID, target: uuid.UUID) -> None:
        columns = [f.column for f in Sample._meta.concrete_fields if f.column not in {"id", "bot_id"}]
        names = ", ".join(f'"{column}"' for column in columns)
        copy = f"INSERT INTO figures_sample (bot_id, {names}) SELECT ?, {names} FROM figures_sample WHERE bot_id = ?"
        with closing(sqlite3.connect(self.home / "butt.sqlite3", timeout=20)) as database, database:
            database.execute(copy, (target.hex, source.hex))

    def has_verified(self, email: str) -> None:
        """The link in the mail to this address was followed."""
        with closing(sqlite3.connect(self.home / "butt.sqlite3", timeout=20)) as database, database:
            database.execute("UPDATE account_emailaddress SET verified = 1 WHERE email = ?", [email])

    def has_many_bots(self, owner: Person, count: int) -> None:
        """`bot0`, `bot1` and so on, all alive. The first has a year of samples that no two of are alike."""
        of_owner = {"target_agent_id": uuid.UUID(owner.id), "pays": True}
        for number in range(count):
            bot = Agent(type=Agent.Type.BOT, name=f"bot{number}", service="pub")
            self.insert(
                bot,
                Belongs(source_agent=bot, **of_owner),
                Wanted(bot=bot),
                Observed(bot=bot, alive=True, launch=1, at=datetime.now(UTC)),
                Progress(
                    bot=bot, state=State.ALIVE, launch=1, address="127.0.0.1", ssb_id=ssb_id(2**201 + number)
                ),
            )
            if not number:
                self.insert(*_year(bot.id, datetime.now(UTC)))

    def says(self, bot: Any, *messages: str, level: str = "info") -> None:
        """Write lines into the bot's own log."""
        path = self.home / "bots" / bot["id"] / "log" / "pub.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            for message in messages:
                said = {"time": f"{datetime.now(UTC):%FT%T.%fZ}", "level": level, "message": message}
                file.write(json.dumps(said) + "\n")

    def has_joined(self, bot: Any) -> None:
        """Another pub that it is connected with, one that refused it, and one that it was only just told to
        join.
        """
        now, uuid_of = datetime.now(UTC), uuid.UUID(bot["id"])
        outcomes = [
            ("pub.example.org", {"done_at": now}),
            ("2001:db8::1", {"trouble": "could not connect to server: [address] cannot be reached"}),
            ("new.example.org", {}),
        ]
        for number, (host, outcome) in enumerate(outcomes):
            address = Address(host, 8008, ssb_id(100 + number)).multiserver
            self.insert(OtherPub(bot_id=uuid_of, address=address, asked_at=now, **outcome))

    def has_invited(self, bot: Any) -> dict[str, str]:
        """Invites like those in the drawing, and some that are over; returns the path of each one's page, by
        name.
        """
        now = datetime.now(UTC)
        alice, bob, carol = {"used": ["Alice A."]}, {"uses": 3, "used": ["", "Bobby"]}, {}
        dan, eve = {"revoked_at": now}, {"expires_at": now - timedelta(days=1)}
        week = {"uses": 20, "expires_at": now + timedelta(days=7)}
        made = {
            "alice": alice,
            "bob": bob,
            "carol": carol,
            "dan": dan,
            "eve": eve,
            "the Thursday group": week,
        }
        ways = {}
        for number, (name, how) in enumerate(made.items()):
            self.invite(bot, name, now - timedelta(minutes=number), **how)
            ways[name] = f"/join/{name.replace(' ', '-')}-{bot['name']}"
        return ways

    def invite(
        self, bot: Any, name: str, at: datetime, *, used: Sequence[str] = (), uses: int = 1, **more: Any
    ) -> None:
        keys = KeyPair.generate()
        made = Invite(
            bot_id=uuid.UUID(bot["id"]),
            name=name,
            uses=uses,
            seed=keys.secret[:32],
            code_id=keys.id,
            **{
                "token": f"{name.replace(' ', '-')}-{bot['name']}",
                "created_at": at,
                "offered_at": at,
                **more,
            },
        )
        uses_of_it = [
            InviteUse(
                invite=made,
                sequence=number + 1,
                ssb_id=ssb_id(2**200 + number),
                name=guest,
                # Guests without a name here were let in long ago, and nothing of theirs ever arrived.
                at=at if guest else at - timedelta(hours=2),
                messages=12 if guest else 0,
                seen_at=at if guest else None,
            )
            for number, guest in enumerate(used)
        ]
        self.insert(made, *uses_of_it)

    def insert(self, *rows: Model) -> None:
        """Rows that another part of the service would write."""
        insert(self.home / "butt.sqlite3", *rows)

    def rows(self, query: str) -> list[Any]:
        """The answer of the database."""
        with closing(sqlite3.connect(self.home / "butt.sqlite3", timeout=20)) as database:
            return database.execute(query).fetchall()

    def write(self, bot: Any, table: str, **fields: Any) -> None:
        """What another part of the service would write about a bot."""
        columns = ", ".join(f"{name} = ?" for name in fields)
        statement = f"UPDATE agents_{table} SET {columns} WHERE bot_id = ?"
        database = sqlite3.connect(self.home / "butt.sqlite3", timeout=20)
        with database:
            changed = database.execute(statement, (*fields.values(), bot["id"].replace("-", ""))).rowcount
        database.close()
        assert changed == 1


def _year(bot_id: uuid.UUID, now: datetime) -> Iterator[Sample]:
    chance = random.Random(7)
    for resolution, count in ((10, 360), (60, 1440), (3600, 720), (86400, 365)):
        for number in range(1, count + 1):
            memory, peers = chance.randrange(2**31), chance.randrange(900)
            yield Sample(
                bot_id=bot_id,
                resolution=resolution,
                at=now - timedelta(seconds=resolution * number),
                count=1,
                **dict.fromkeys(("memory_sum", "memory_low", "memory_high"), memory),
                **dict.fromkeys(("peers_sum", "peers_low", "peers_high"), peers),
                **{name: chance.randrange(2**31) for name in ("bytes_in", "bytes_out", "disk")},
                messages=1234,
                feeds=12,
            )


def _figures(bot_id: uuid.UUID, now: datetime) -> list[Sample]:
    samples = []
    for resolution, count in ((10, 360), (60, 1440)):
        for number in range(count):
            if count * 0.5 < number < count * 0.6:
                continue
            memory = int((80 + 20 * math.sin(number / 30) + number % 7) * 2**20)
            peers = 3 + int(2 * math.sin(number / 50))
            came = abs(int(40_000 * math.sin(number / 11)))
            seen = Sample(
                bot_id=bot_id,
                resolution=resolution,
                at=now - timedelta(seconds=resolution * (number + 1)),
                count=1,
                **dict.fromkeys(("memory_sum", "memory_low", "memory_high"), memory),
                **dict.fromkeys(("peers_sum", "peers_low", "peers_high"), peers),
                bytes_in=came,
                bytes_out=came // 3,
                disk=2**23 - number * 9,
                messages=1234,
                feeds=12,
            )
            samples.append(seen)
    return samples


def signs_in(page: Any, url: str, email: str) -> None:
    """As everybody does: over the page `start`."""
    page.goto(f"{url}/start")
    page.get_by_label("email").fill(email)
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    # By then a page's scripts have run.
    page.wait_for_load_state()
