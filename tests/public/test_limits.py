"""How much disk a bot may use, over the API."""

import pytest
from django.test import Client
from django.utils import timezone

from butt.accounts.tokens import issue_token
from butt.agents.limits import effective
from butt.agents.models import Agent, Observed, Wanted
from butt.agents.traffic import month_of
from butt.configuration import configuration

pytestmark = pytest.mark.django_db

ROOM = {
    "most": 2**30,
    "mostBlobs": 2**30,
    "log": 7,
    "blobs": 8,
    "rest": 9,
    "takes": "all",
    "removed": {"blobs": 1, "bytes": 2},
}


def test_limits_are_set_one_by_one_and_removed(bot: Agent):
    token = issue_token(bot.belongs_to.get().target_agent.account)
    api, path = Client(headers={"Authorization": f"Bearer {token}"}), f"/agents/{bot.id}"
    assert api.get(path).json()["limits"] == {}
    first = api.patch(path, {"limits": {"disk": 2**30, "farBlobDays": 30}}, "application/json")
    assert first.json()["limits"] == {"disk": 2**30, "farBlobDays": 30}
    second = api.patch(path, {"limits": {"disk": None, "blobs": 0}}, "application/json")
    assert second.json()["limits"] == {"blobs": 0, "farBlobDays": 30}
    for wrong, field in (({"disk": 1}, "limits.disk"), ({"disks": 1}, None), ({"blob": "x"}, None)):
        refused = api.patch(path, {"limits": wrong, "description": "kept?"}, "application/json")
        assert refused.status_code == 422
        assert field in {None, refused.json()["error"].get("field")}
    answer = api.get(path).json()
    assert answer["description"] == ""
    assert "room" not in answer["status"]
    Observed.objects.filter(bot=bot).update(room=ROOM)
    told = api.get(path).json()["status"]
    assert "traffic" not in told
    told = told["room"]
    assert told == {name: ROOM[name] for name in ("most", "log", "blobs", "rest", "takes", "removed")}


def test_only_the_traffic_of_this_month_is_reported(bot: Agent):
    token = issue_token(bot.belongs_to.get().target_agent.account)
    api, path = Client(headers={"Authorization": f"Bearer {token}"}), f"/agents/{bot.id}"
    month = month_of(timezone.now())
    Observed.objects.filter(bot=bot).update(traffic={"month": month, "in": 7, "out": 8, "most": 9})
    assert api.get(path).json()["status"]["traffic"] == {"month": month, "in": 7, "out": 8}
    assert api.patch(path, {"limits": {"traffic": 2**30}}, "application/json").status_code == 200
    Observed.objects.filter(bot=bot).update(traffic={"month": "2026-01", "in": 7, "out": 8, "most": 9})
    told = api.get(path).json()["status"]["traffic"]
    assert told == {"month": month, "in": 0, "out": 0, "most": 2**30}


PAGE = "/bots/my/limits"


def test_the_size_of_each_blob_is_bounded_by_its_owner_within_what_the_operator_says(
    alice: Client, bot: Agent, monkeypatch: pytest.MonkeyPatch
):
    assert "At most 5, as all apps do." in alice.get(PAGE).content.decode()
    assert alice.post(PAGE, {"blob": "0.5"})["Location"] == PAGE
    assert Wanted.objects.get(bot=bot).limits == {"blob": 2**19}
    bounded = configuration().model_copy(update={"bot_blob_mib": 2})
    monkeypatch.setattr("butt.agents.limits.configuration", lambda: bounded)
    assert effective({}) == {"blob": 2**21}
    assert effective({"blob": 2**19}) == {"blob": 2**19}
    refused = alice.post(PAGE, {"blob": "3"})
    assert (refused.status_code, 'id="blob-error"' in refused.content.decode()) == (422, True)


def test_limits_are_set_on_a_page_in_gib_and_days(alice: Client, bot: Agent, monkeypatch: pytest.MonkeyPatch):
    assert "does not support limits" in alice.get(PAGE).content.decode()
    answer = alice.post(PAGE, {"disk": "2", "blobs": "0.5", "farBlobDays": ""})
    assert answer["Location"] == PAGE
    assert Wanted.objects.get(bot=bot).limits == {"disk": 2**31, "blobs": 2**29}
    html = alice.get(PAGE).content.decode()
    assert 'value="2"' in html
    assert 'value="0.5"' in html
    for field, wrong in (
        ("disk", "much"),
        ("disk", "0.01"),
        ("blobs", "1."),
        ("blobs", "-1"),
        ("farBlobDays", "0"),
    ):
        refused = alice.post(PAGE, {field: wrong})
        assert refused.status_code == 422, (field, wrong)
        assert f'value="{wrong}"' in refused.content.decode()
        assert 'aria-invalid="true"' in refused.content.decode()
    bounded = configuration().model_copy(update={"bot_disk_gib": 1})
    monkeypatch.setattr("butt.agents.limits.configuration", lambda: bounded)
    assert "At most 1, also if you leave this empty" in alice.get(PAGE).content.decode()
    assert alice.post(PAGE, {"disk": "2"}).status_code == 422
    alice.post(PAGE, {"disk": "", "blobs": "", "farBlobDays": ""})
    assert Wanted.objects.get(bot=bot).limits == {}
