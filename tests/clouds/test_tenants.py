"""The machines that are wanted follow from the bots there are; reasons shown for bots follow from their
machines.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from butt.accounts.leaving import finish, go
from butt.accounts.models import Account as Login
from butt.accounts.tokens import issue_token
from butt.agents.actions import Refused, create_bot
from butt.agents.models import Agent, Belongs, Observed
from butt.agents.models import Wanted as WantedBot
from butt.agents.states import State
from butt.clouds import rentals, tenants
from butt.clouds.keeper import Keeper
from butt.clouds.models import Rented, Stock, WantedMachine
from butt.configuration import configuration
from butt.hosts import Away, Order
from butt.hosts.salt.orders import write
from butt.machines import registry
from butt.machines.models import Machine, Placement
from butt.machines.reports import read_report, take, take_boot
from tests.clouds.account import Account, turn_until, turn_until_gone
from tests.clouds.test_cloud_init import placed_files
from tests.clouds.test_killed_anywhere import Fragile, Killed, nothing, one_of_each
from tests.machines.machines import place as placed
from tests.machines.machines import sighting_of
from tests.people import account as account_of
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _machines_are_rented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[None]:
    """The service with a cloud whose offers were asked for long ago, and a master's folder of keys of its
    own.
    """
    Stock.objects.create(
        zone="fr-par-1", type="DEV1-M", memory=4 << 30, monthly=20, in_stock=True, at="2020-01-01T00:00Z"
    )
    monkeypatch.setenv("BUTT_CLOUD", "scaleway")
    monkeypatch.setenv("BUTT_SALT_KEYS", str(tmp_path / "pki"))
    monkeypatch.setenv("BUTT_SALT_MASTER", "salt.butt.test:4516")
    configuration.cache_clear()
    yield
    monkeypatch.undo()
    configuration.cache_clear()


@pytest.fixture
def keeper(account: Account) -> Keeper:
    return Keeper(account.cloud(), tenants.document, timedelta(0), tenants.forget)


def order(bot: Agent, launch: int = 1) -> Order:
    return Order(bot.id, True, launch, "::", f"{bot.name}.butt.nz", 8100, "r1", False, (), 0)


def reports(machine_id: uuid.UUID, bot: Agent | None = None) -> None:
    """Have the machine report that it is up, and that this bot runs on it."""
    machine = Machine.objects.get(id=machine_id)
    seen = {str(bot.id): {"launch": 1, "running": True}} if bot else {}
    said = {"schema": 1, "complete": True, "generation": machine.generation, "bots": seen}
    take(machine.minion_id, read_report(json.dumps(said).encode()))


def joined(keeper: Keeper, alice: Agent) -> Rented:
    tenants.settle()
    rented = turn_until("ready", keeper, alice.id)
    reports(alice.id)
    return rented


def gone(bot: Agent) -> None:
    """Have its days of grace end."""
    WantedBot.objects.filter(bot=bot).update(gone_at=timezone.now())


def test_the_first_bot_brings_a_machine_and_the_last_takes_it_away():
    alice = person("alice")
    tenants.settle()
    assert not WantedMachine.objects.exists(), "a person without bots needs none"
    bots = [bot_in(State.ALIVE, alice, name) for name in ("my", "your")]
    tenants.settle()
    tenants.settle()
    wanted = WantedMachine.objects.get()
    assert (wanted.agent_id, wanted.bots, wanted.names, wanted.present) == (alice.id, 2, ["my", "your"], True)
    gone(bots[0])
    tenants.settle()
    assert WantedMachine.objects.get().names == ["your"]
    WantedBot.objects.filter(bot=bots[1]).update(gone_at=timezone.now() + timedelta(days=7))
    tenants.settle()
    assert WantedMachine.objects.get().present, "it can be restored yet"
    gone(bots[1])
    tenants.settle()
    assert not WantedMachine.objects.get().present


def test_a_bot_that_waits_for_its_machine_says_so(keeper: Keeper):
    alice = person("alice")
    bot = bot_in(State.STARTING, alice)
    with pytest.raises(Away, match="is being made"):
        write(order(bot))
    tenants.settle()
    turn_until("ready", keeper, alice.id)
    with pytest.raises(Away, match="is starting"):
        write(order(bot))
    minion_id = Machine.objects.get(id=alice.id).minion_id
    take_boot(minion_id, json.dumps({"step": 3, "what": "installing Docker"}).encode())
    with pytest.raises(Away, match="its machine is starting: installing Docker, step 3 of 6"):
        write(order(bot))
    trouble = {"step": 1, "what": "looking for its volume", "trouble": "this took too long"}
    take_boot(minion_id, json.dumps(trouble).encode())
    with pytest.raises(Away, match=r"looking for its volume, step 1 of 6 \(this took too long\)"):
        write(order(bot))
    reports(alice.id)
    write(order(bot))
    assert Placement.objects.get(bot=bot).machine_id == alice.id


def test_bots_run_only_on_their_own_persons_machine(keeper: Keeper):
    alice, bob = person("alice"), person("bob")
    bot_in(State.ALIVE, alice, "alices")
    joined(keeper, alice)
    with pytest.raises(Away):
        write(order(bot_in(State.STARTING, bob, "bobs")))


def test_a_shared_bot_lives_on_its_first_owners_machine_and_stays_there(keeper: Keeper):
    alice, bob = person("alice"), person("bob")
    bot = bot_in(State.ALIVE, alice)
    Belongs.objects.create(source_agent=bot, target_agent=bob)
    joined(keeper, alice)
    write(order(bot))
    tenants.settle()
    assert [row.agent_id for row in WantedMachine.objects.all()] == [alice.id]
    Belongs.objects.filter(source_agent=bot, target_agent=alice).delete()
    tenants.settle()
    assert [(row.agent_id, row.present) for row in WantedMachine.objects.all()] == [(alice.id, True)]


def test_a_machine_is_accepted_at_the_master_before_it_boots(keeper: Keeper, account: Account):
    alice = person("alice")
    bot_in(State.ALIVE, alice)
    joined(keeper, alice)
    machine = Machine.objects.get(id=alice.id)
    assert registry.accepted_key(machine).read_text() == (registry.bundle(machine) / "minion.pub").read_text()
    (server,) = account.standin.world.all("server")
    there = placed_files(server["_user_data"]["cloud-init"].encode())
    device = f"/dev/disk/by-id/scsi-0SCW_sbs_volume-{Rented.objects.get().volume_id}"
    assert f"butt-mount {device}\n" in there["/usr/local/sbin/butt-boot"][0]
    assert f"/agents/{machine.minion_id}/boot" in there["/usr/local/sbin/butt-say"][0]
    assert machine.minion_id in there["/etc/salt/minion.d/butt.conf"][0]
    assert "master: salt.butt.test:4516" in there["/etc/salt/minion.d/butt.conf"][0]
    assert there["/etc/butt/token"][0] == (registry.bundle(machine) / "token").read_text()
    assert not [secret for secret in (alice.name, "my") if secret in server["name"]]


def test_bots_of_a_machine_being_replaced_say_so_and_old_reports_are_ignored(
    keeper: Keeper, account: Account
):
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    first = joined(keeper, alice)
    write(order(bot))
    reports(alice.id, bot)
    assert sighting_of(bot.id).running
    account.steer("destroy", server=first.server_id)
    turn_until("replacing", keeper, alice.id)
    with pytest.raises(Away, match="Its machine is gone"):
        sighting_of(bot.id)
    second = turn_until("ready", keeper, alice.id)
    assert (second.volume_id, second.server_id != first.server_id) == (first.volume_id, True)
    with pytest.raises(Away, match="is starting"):
        sighting_of(bot.id)
    reports(alice.id, bot)
    assert sighting_of(bot.id).running


def test_a_machine_whose_bot_stopped_answering_is_looked_at_soon_and_not_all_the_time(keeper: Keeper):
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    rented = joined(keeper, alice)
    write(order(bot))
    due = timezone.now() + timedelta(seconds=30)
    Rented.objects.update(due_at=due)
    tenants.settle()
    assert Rented.objects.get().due_at == due
    Observed.objects.filter(bot=bot).update(alive=False)
    tenants.settle()
    assert Rented.objects.get().due_at <= timezone.now()
    looked = timezone.now() + timedelta(seconds=60)
    Rented.objects.update(due_at=looked)
    tenants.settle()
    assert Rented.objects.get().due_at == looked
    assert rented.state == "ready"


def test_leaving_removes_the_machine_and_its_key(keeper: Keeper, account: Account):
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    joined(keeper, alice)
    write(order(bot))
    machine = Machine.objects.get(id=alice.id)
    gone(bot)
    tenants.settle()
    turn_until_gone(keeper, alice.id)
    has = account.has()
    assert not any(has[kind] for kind in ("server", "volume", "snapshot", "ip", "record"))
    assert not registry.accepted_key(machine).exists()
    assert not registry.bundle(machine).exists()
    assert not Machine.objects.exists()
    assert not Placement.objects.exists()


def test_a_machine_outlives_its_persons_account_until_it_is_given_back(keeper: Keeper, account: Account):
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    joined(keeper, alice)
    go(Login.objects.get(agent=alice))
    Login.objects.update(leaves_at=timezone.now())
    gone(bot)
    bot.delete()
    finish(timezone.now())
    assert not Agent.objects.filter(id=alice.id).exists()
    tenants.settle()
    turn_until_gone(keeper, alice.id)
    assert not account.has()["server"]
    assert not Machine.objects.exists()


def test_making_a_bot_while_the_machine_is_being_removed_works(keeper: Keeper, account: Account):
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    first = joined(keeper, alice)
    gone(bot)
    tenants.settle()
    turn_until("leaving", keeper, alice.id)
    bot_in(State.STARTING, alice, "again")
    second = joined(keeper, alice)
    assert second.server_id != first.server_id or second.volume_id == first.volume_id
    assert len(account.has()["server"]) == 1


def test_a_bot_without_room_is_refused():
    alice = person("alice")
    Stock.objects.all().delete()
    offer = {"zone": "fr-par-1", "type": "DEV1-S", "memory": 2 << 30, "monthly": 10, "at": timezone.now()}
    Stock.objects.create(**offer, in_stock=False)
    with pytest.raises(Refused, match="no room") as refused:
        create_bot(alice, "my")
    assert refused.value.code == "no_room"
    assert not Agent.objects.filter(type=Agent.Type.BOT).exists()
    Stock.objects.update(in_stock=True)
    for number in range(3):
        create_bot(alice, f"my{number}")
    with pytest.raises(Refused, match="no room"):
        create_bot(alice, "one-more")


def test_a_bot_is_refused_until_the_offers_are_known():
    Stock.objects.all().delete()
    with pytest.raises(Refused, match="do not know yet") as refused:
        create_bot(person("alice"), "my")
    assert refused.value.code == "no_room"


def test_wrong_rows_are_corrected_by_the_bots_there_are(keeper: Keeper, account: Account):
    alice, bob = person("alice"), person("bob")
    bot, other = bot_in(State.ALIVE, alice), bot_in(State.ALIVE, bob, "your")
    tenants.settle()
    Rented.objects.all().delete()
    gone(other)
    tenants.settle()
    assert turn_until("ready", keeper, alice.id).server_id
    turn_until_gone(keeper, bob.id)
    assert not WantedMachine.objects.filter(agent_id=bob.id).exists()
    assert bot.name in WantedMachine.objects.get().names


def test_a_machine_that_is_big_enough_already_needs_no_stock(keeper: Keeper):
    alice = person("alice")
    for name in ("first", "second"):
        bot_in(State.ALIVE, alice, name)
    joined(keeper, alice)
    Stock.objects.update(in_stock=False)
    create_bot(alice, "third")
    for number in range(8):
        if not may_have_another(alice, number):
            return
    raise AssertionError("no machine has room for ten bots but one that is not to be had")


def may_have_another(person: Agent, number: int) -> bool:
    try:
        create_bot(person, f"more{number}")
    except Refused:
        return False
    return True


def test_a_bot_on_the_operators_own_machine_needs_no_rented_one():
    bot = bot_in(State.ALIVE, person("alice"))
    placed(bot, registry.register())
    tenants.settle()
    assert not WantedMachine.objects.exists()


@pytest.mark.parametrize("death", ["before", "after"])
def test_a_keeper_killed_while_forgetting_a_machine_is_followed_by_another(account: Account, death: str):
    def dies(person: uuid.UUID) -> None:
        if death == "after":
            tenants.forget(person)
        raise Killed

    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    joined(Keeper(account.cloud(), tenants.document, timedelta(0)), alice)
    key = registry.accepted_key(Machine.objects.get(id=alice.id))
    gone(bot)
    tenants.settle()
    with pytest.raises(Killed):
        turn_until_gone(Keeper(account.cloud(), tenants.document, timedelta(0), dies), alice.id)
    assert WantedMachine.objects.exists(), "there is still work"
    turn_until_gone(Keeper(account.cloud(), tenants.document, timedelta(0), tenants.forget), alice.id)
    assert not key.exists()
    assert not Machine.objects.exists()


@pytest.mark.parametrize(
    "deaths", [dict.fromkeys(range(60), "after"), dict.fromkeys(range(0, 60, 2), "before")]
)
def test_with_a_keeper_killed_at_every_step_a_person_gets_one_machine_and_leaves_nothing(
    account: Account, deaths: dict[int, str]
):
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    cloud = Fragile(account.cloud(), deaths)

    def live(until: str) -> None:
        for _ in range(100):
            with suppress(Killed):
                tenants.settle()
                keeper = Keeper(cloud, tenants.document, timedelta(0), tenants.forget)
                if until == "gone":
                    turn_until_gone(keeper, alice.id)
                else:
                    turn_until(until, keeper, alice.id)
                return
        raise AssertionError("it never came to an end")

    live("ready")
    one_of_each(account, Rented.objects.get())
    assert [machine.id for machine in Machine.objects.all()] == [alice.id]
    gone(bot)
    live("gone")
    nothing(account)
    assert not Machine.objects.exists()
    assert list((configuration().salt_pki / "minions").iterdir()) == []


def test_without_room_the_page_and_the_api_say_so():
    login = account_of("alice")
    Stock.objects.all().delete()
    offer = {"zone": "fr-par-1", "type": "DEV1-S", "memory": 2 << 30, "monthly": 10, "at": timezone.now()}
    Stock.objects.create(**offer, in_stock=False)
    client = Client()
    client.force_login(login)
    page = client.post("/newbie", {"name": "Alice", "bot": "my"})
    assert page.status_code == 422
    assert "no room for another bot" in page.content.decode()
    asked = {"type": "bot", "name": "my", "service": "pub"}
    bearer = f"Bearer {issue_token(login)}"
    answer = client.post("/agents", asked, "application/json", headers={"authorization": bearer})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_room")


def test_an_operator_has_a_machine_replaced(keeper: Keeper, account: Account):
    alice = person("alice")
    bot_in(State.ALIVE, alice)
    first = joined(keeper, alice)
    rentals.replace(alice.id)
    turn_until("replacing", keeper, alice.id)
    second = joined(keeper, alice)
    assert (second.volume_id, second.server_id != first.server_id) == (first.volume_id, True)
    assert len(account.has()["server"]) == 1


def test_the_next_machine_is_told_how_far_each_feed_was_seen_to_come(keeper: Keeper, account: Account):
    """Its volume may come from a snapshot that is older than the bot's last launch."""
    alice = person("alice")
    bot = bot_in(State.ALIVE, alice)
    joined(keeper, alice)
    write(order(bot))
    before = Machine.objects.get(id=alice.id).generation
    Observed.objects.filter(bot=bot).update(sequence=17)
    rentals.replace(alice.id)
    turn_until("replacing", keeper, alice.id)
    turn_until("ready", keeper, alice.id)
    assert Placement.objects.get(bot=bot).order["sequence"] == 17
    machine = Machine.objects.get(id=alice.id)
    assert (machine.generation > before, machine.seen_at) == (True, None)
