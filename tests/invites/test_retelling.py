"""A pub whose release keeps its invites elsewhere: what it knew there is outdated."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from butt.agents.models import Agent, Observed, Progress
from butt.identity import service_keys
from butt.invites import making, retelling, withdrawing
from butt.invites.guestbook import GuestArrival, write
from butt.invites.kept_connections import kept_connections
from butt.invites.models import Invite
from butt.monitor.guests import Guests
from butt.monitor.telling import Telling
from scuttlekit import Address, KeyPair, RemoteError, connect, serve
from tests.invites.conftest import at
from tests.pub.pubs import Pub

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def built_pub(request: pytest.FixtureRequest) -> Path:
    """A pub for Node: its store of invites is one folder, and can be set aside."""
    return request.getfixturevalue("built_node_pub")


OLD, NEW = "old", "new"


def known_to(bot: Agent) -> dict[str, tuple[int, int]]:
    """How often each invite was used and can be used, as the pub says, by its note."""
    kept = kept_connections.call(bot, "butt.invites", {"all": True})
    return {invite["note"]: (invite["used"], invite["left"]) for invite in kept if invite["left"]}


def use(pub: Pub, bot: Agent, invite: Invite) -> str:
    """Somebody joins with the invite, and the service learns of it."""

    async def come() -> Any:
        keys = KeyPair(bytes(invite.seed))
        async with connect(Address("127.0.0.1", pub.config["port"], pub.id), keys) as peer:
            return await peer.call("invite.use", {"feed": guest}, timeout=30)

    guest = KeyPair.generate().id
    said = asyncio.run(come())
    write({bot.id: [GuestArrival(said["value"]["sequence"], guest, invite.note, timezone.now())]})
    return guest


def retell(pub: Pub, bot: Agent) -> None:
    """One round of the monitor, connected to the pub."""

    async def round_() -> None:
        address = Address("127.0.0.1", pub.config["port"], pub.id)
        async with connect(address, service_keys()) as peer:
            guests = Guests()
            guests.peers[bot.id] = peer
            await Telling(guests).retell()

    asyncio.run(round_())


def on(release: str, bot: Agent) -> Agent:
    Progress.objects.filter(bot=bot).update(release=release)
    Observed.objects.filter(bot=bot).update(alive=True)
    return Agent.objects.select_related("wanted", "progress", "observed").get(id=bot.id)


def test_a_releases_outdated_invites_are_corrected_when_a_bot_returns_to_it(
    alice: Agent, bot: Agent, real_pub: Pub
):
    bot = on(OLD, bot)
    spent, half, revoked, untouched = (
        making.create(alice, bot, name, uses=uses)
        for name, uses in (("spent", 1), ("half", 3), ("revoked", 1), ("untouched", 2))
    )
    retell(real_pub, bot)
    assert retelling.due() == []
    real_pub.stop()
    store, aside = real_pub.data / "invites", real_pub.folder / "aside"
    shutil.copytree(store, aside)
    real_pub.start()

    bot = on(NEW, at(real_pub, bot))
    assert retelling.due() == [retelling.Retelling(bot.id, NEW)]
    use(real_pub, bot, spent)
    use(real_pub, bot, half)
    making.revoke(alice, bot, revoked.id)
    fresh = making.create(alice, bot, "fresh")
    retell(real_pub, bot)
    right = known_to(bot)
    assert right == {half.note: (1, 2), untouched.note: (0, 2), fresh.note: (0, 1)}
    real_pub.stop()
    shutil.rmtree(store)
    aside.rename(store)

    bot = on(OLD, bot)
    closed = withdrawing.revoked_of(bot)
    assert set(closed) == {spent.code_id, revoked.code_id}, "before its door opens"
    real_pub.config["revoked"] = list(closed)
    real_pub.start()
    for invite in (spent, revoked):
        with pytest.raises(RemoteError):
            use(real_pub, bot, invite)
    retell(real_pub, bot)
    assert known_to(bot) == right
    assert retelling.due() == []
    assert withdrawing.revoked_of(bot) == ()


def test_a_pub_that_still_knows_revoked_invites_forgets_them(alice: Agent, bot: Agent, real_pub: Pub):
    bot = on(OLD, bot)
    revoked = making.create(alice, bot, "revoked")
    Invite.objects.update(revoked_at=timezone.now(), withdrawn_at=timezone.now())
    retell(real_pub, bot)
    assert known_to(bot) == {}
    with pytest.raises(RemoteError):
        use(real_pub, bot, revoked)


def test_invalid_reports_about_invites_are_ignored(alice: Agent, bot: Agent):
    bot = on(OLD, bot)
    making.create(alice, bot, "Bob")

    async def round_(answer: object) -> list[Any]:
        asked = []

        async def offer(_peer: Any, offered: Any) -> bool:
            asked.append(offered["used"])
            return True

        async def invites(_peer: Any, _options: Any) -> Any:
            return answer

        handlers = {"butt.invites": invites, "butt.offer": offer}
        async with (
            serve("127.0.0.1", 0, KeyPair.generate(), handlers) as server,
            connect(server.address, KeyPair.generate()) as peer,
        ):
            guests = Guests()
            guests.peers[bot.id] = peer
            await Telling(guests).retell()
        return asked

    for number, answer in enumerate((None, "x", [None, 5, {"id": 7}, {"id": "@a", "used": "1"}], {"id": 1})):
        on(f"release {number}", bot)
        assert asyncio.run(round_(answer)) == [0]
