"""What is counted is forgotten once its time is over."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.limits.counts import TooOften, count, forget_what_is_over
from butt.limits.models import Count
from butt.limits.table import ACCOUNT_GUESSES

pytestmark = pytest.mark.django_db

ALICE = (ACCOUNT_GUESSES, "account alice")


def as_often_as_may_be() -> None:
    for _ in range(ACCOUNT_GUESSES.most):
        count(ALICE)


def test_what_is_over_counts_no_more_and_is_removed():
    as_often_as_may_be()
    with pytest.raises(TooOften):
        count(ALICE)
    Count.objects.update(until=timezone.now() - timedelta(seconds=1))
    count(ALICE)
    forget_what_is_over(timezone.now())
    assert Count.objects.count() == 1


def test_what_is_not_over_is_not_forgotten():
    as_often_as_may_be()
    forget_what_is_over(timezone.now())
    with pytest.raises(TooOften):
        count(ALICE)
