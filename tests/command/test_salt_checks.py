"""What `butt doctor` says about machines."""

import pytest
from django.utils import timezone

from butt.agents.models import Progress
from butt.command.salt_checks import names, salt
from butt.configuration import Configuration
from tests.machines.machines import machine, placed_bot
from tests.people import person

pytestmark = pytest.mark.django_db


def test_problems_of_a_machine_are_reported_with_what_to_do():
    room = {"diskFree": 50, "diskTotal": 100}
    now = timezone.now()
    machine("m1", seen_at=now, facts=room)
    machine("m2", seen_at=now, facts={**room, "diskFree": 9})
    machine("m3", seen_at=now, facts=room, trouble="It did not answer.")
    machine("m4")
    findings = list(salt(Configuration(host="salt", salt="master")))[-4:]
    well, full, mute, new = findings
    assert "m1 reported last" in well.what
    assert not well.mend
    assert "m2 is nearly full" in full.what
    assert "butt sweep" in full.mend
    assert "It did not answer." in mute.what
    assert mute.mend
    assert "never reported" in new.what
    assert new.mend


def test_a_bot_whose_name_does_not_resolve_is_reported_with_its_record():
    settings = Configuration(host="salt", salt="master", domain="example.org")
    here = machine("m1", seen_at=timezone.now(), host="root@8.8.8.8")
    bot = placed_bot(person("alice"), here)
    lost = f"{'x' * 64}.example.org"  # No DNS has such a name, so no server is asked.
    Progress.objects.filter(bot=bot).update(address=lost)
    (found,) = names(settings)
    assert f"{lost} of a bot does not resolve" in found.what
    assert f"{lost}. 300 IN A 8.8.8.8" in found.mend
    Progress.objects.filter(bot=bot).update(address="127.0.0.1")
    (found,) = names(settings)
    assert "leads elsewhere" in found.what
    here.host = ""
    here.save()
    (found,) = names(settings)
    assert not found.mend
