"""What machines have of unknown bots: listed, and removed only on request."""

import uuid

import pytest

from butt.hosts.interface import HostTrouble
from butt.hosts.salt.orphans import bury_orphan, is_being_removed, orphans_on
from butt.machines.models import Tombstone
from butt.machines.pillar import pillar_of
from tests.machines.machines import machine, placed_bot
from tests.people import person

pytestmark = pytest.mark.django_db


def test_an_orphan_is_removed_like_a_bot_and_again_if_it_comes_back():
    here, orphan = machine("m1"), uuid.uuid4()
    here.strangers = [f"butt-{orphan}", "postgres", "butt-backup"]
    here.save()
    assert [found.bot_id for found in orphans_on(here)] == [orphan]
    bury_orphan(here, orphan)
    assert pillar_of("m1")["butt"]["deleted"] == [str(orphan)]
    Tombstone.objects.update(done_at="2026-01-01T00:00Z")
    assert not is_being_removed(orphan)
    bury_orphan(here, orphan)
    assert is_being_removed(orphan)
    assert pillar_of("m1")["butt"]["generation"] == 2


def test_a_bot_of_the_machine_is_not_an_orphan():
    here = machine("m1")
    bot = placed_bot(person("alice"), here)
    with pytest.raises(HostTrouble, match="a bot of that machine"):
        bury_orphan(here, bot.id)
    assert not Tombstone.objects.exists()
