"""The people in tests are like people who register."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.forms.models import model_to_dict

from butt.accounts.entry import register, sign_in
from butt.accounts.models import Account
from tests.people import PASSWORD, account

pytestmark = pytest.mark.django_db

OWN = {"id", "user", "agent", "email", "password"}


def rows(one: Account) -> list[dict[str, Any]]:
    """Everything that is recorded about a person, without values that differ for each."""
    there = [one, one.agent, EmailAddress.objects.get(user=one, email=one.email)]
    return [{name: value for name, value in model_to_dict(row).items() if name not in OWN} for row in there]


def test_a_tests_account_equals_a_registered_one():
    made, registered = account("alice"), register("bob@example.org", PASSWORD, "Alice")
    made.refresh_from_db(), registered.refresh_from_db()
    assert rows(made) == rows(registered)
    assert sign_in("alice@example.org", PASSWORD) == made
    assert made.password.split("$")[:4] == registered.password.split("$")[:4]
