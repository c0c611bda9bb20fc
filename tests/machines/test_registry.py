import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from butt.machines import tokens
from butt.machines.models import Machine
from butt.machines.registry import StillInUse, accepted_key, admit, bundle, register, remove, rotate
from tests.machines.machines import placed_bot
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alices() -> Machine:
    return register(person("alice"))


def test_the_master_knows_a_machine_before_it_connects(alices: Machine):
    secret = load_pem_private_key((bundle(alices) / "minion.pem").read_bytes(), None)
    known = load_pem_public_key(accepted_key(alices).read_bytes())
    assert secret.public_key() == known
    assert accepted_key(alices).read_text() == (bundle(alices) / "minion.pub").read_text()


def test_its_name_does_not_reveal_its_person_and_its_secrets_are_private(alices: Machine):
    assert "alice" not in alices.minion_id
    for name in ("minion.pem", "token"):
        assert stat.S_IMODE((bundle(alices) / name).stat().st_mode) == 0o600
    token = (bundle(alices) / "token").read_text()
    assert tokens.bearer_of(token) == alices
    assert not alices.tokens.filter(digest=token).exists()


def test_admitting_a_machine_again_changes_nothing(alices: Machine):
    def all_there() -> dict[Path, str]:
        return {path: path.read_text() for path in [*bundle(alices).iterdir(), accepted_key(alices)]}

    before = all_there()
    admit(alices)
    assert all_there() == before
    assert alices.tokens.count() == 1


def test_its_token_can_be_replaced_without_a_gap(alices: Machine):
    old = (bundle(alices) / "token").read_text()
    rotate(alices, timedelta(hours=1))
    new = (bundle(alices) / "token").read_text()
    assert new != old
    assert tokens.bearer_of(old) == tokens.bearer_of(new) == alices
    rotate(alices, timedelta(0))
    assert tokens.bearer_of(new) is None


def test_removing_a_machine_removes_its_key(alices: Machine):
    key, folder, token = accepted_key(alices), bundle(alices), (bundle(alices) / "token").read_text()
    remove(alices)
    assert not key.exists()
    assert not folder.exists()
    assert tokens.bearer_of(token) is None


def test_a_machine_with_bots_cannot_be_removed(alices: Machine):
    placed_bot(alices.person, alices)
    with pytest.raises(StillInUse):
        remove(alices)
    assert accepted_key(alices).exists()
