"""Hosts that apps refuse are reported when the service starts, and by `butt doctor`."""

import pytest

from butt.command.reach import reach, warn_of_reach
from butt.configuration import Configuration


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({}, "127.0.0.1"),
        ({"domain": "butt.nz"}, "my.butt.nz"),
        ({"domain": "butt.nz", "pub_address": "192.0.2.7"}, "192.0.2.7"),
        ({"domain": "butt.nz", "pub_address": "[2001:db8::1]"}, "2001:db8::1"),
    ],
)
def test_nothing_is_reported_if_apps_can_connect(
    settings: dict[str, str], host: str, capsys: pytest.CaptureFixture[str]
):
    found = reach(Configuration(**settings))
    assert found.mend == ""
    assert found.what.endswith(f"“my”: {host}.")
    warn_of_reach(Configuration(**settings))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["server", "my--server.example.org", "2001:db8::1%eth0", "server:8008"])
def test_a_host_that_apps_refuse_is_reported_with_what_to_do(host: str, capsys: pytest.CaptureFixture[str]):
    warn_of_reach(Configuration(domain="butt.nz", pub_address=host))
    told = capsys.readouterr().err
    assert f"Apps refuse the invites of bots at “{host}”" in told
    assert "Set BUTT_PUB_ADDRESS" in told
