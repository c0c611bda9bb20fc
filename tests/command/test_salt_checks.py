"""What `butt doctor` says of machines."""

import pytest
from django.utils import timezone

from butt.command.salt_checks import salt
from butt.configuration import Configuration
from tests.machines.machines import machine

pytestmark = pytest.mark.django_db


def test_what_a_machine_suffers_from_is_told_with_what_to_do():
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
