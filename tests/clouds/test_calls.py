"""Each call is bounded in time and pace, repeated with patience, and its errors are in words."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from scaleway_standin import Server

from butt.clouds.interface import CloudTrouble, Denied, OutOfStock, OverQuota, Unsure
from butt.clouds.pace import Pace
from butt.clouds.scaleway import Scaleway
from tests.clouds.account import Account

ZONE = "fr-par-1"


def look(cloud: Scaleway) -> None:
    cloud._instances.list_servers(zone=ZONE)


def take(cloud: Scaleway) -> None:
    cloud._instances.create_ip(zone=ZONE, type_="routed_ipv4")


def strike(account: Account, do: str, times: int = 1, **more: object) -> None:
    account.steer("faults", rules=[{"path": "/(ips|servers)$", "do": do, "times": times}], **more)


@pytest.mark.parametrize("do", ["429", "500", "502", "503", "drop", "timeout"])
def test_a_failed_read_is_repeated(account: Account, do: str):
    strike(account, do, times=2, hold=4)
    look(account.cloud(call_seconds=2))
    assert account.calls()["calls"]["GET"] == 3


def test_calls_share_a_connection(account: Account, cloud: Scaleway, monkeypatch: pytest.MonkeyPatch):
    connections = []
    accept = Server.get_request
    monkeypatch.setattr(Server, "get_request", lambda server: connections.append(1) or accept(server))
    for _ in range(3):
        look(cloud)
    take(cloud)
    assert len(connections) == 1


def test_a_failed_read_is_not_repeated_for_ever(account: Account, cloud: Scaleway):
    strike(account, "503", times=1000)
    with pytest.raises(Unsure, match="error on its side"):
        look(cloud)
    assert account.calls()["calls"]["GET"] == 5


@pytest.mark.parametrize("do", ["500", "502", "drop", "drop_after", "500_after", "timeout_after"])
def test_a_change_that_may_have_taken_effect_is_not_repeated(account: Account, do: str):
    strike(account, do, hold=2)
    with pytest.raises(Unsure):
        take(account.cloud(call_seconds=1))
    assert account.calls()["calls"]["POST"] == 1


def test_a_change_that_surely_did_not_take_effect_is_repeated(account: Account, cloud: Scaleway):
    strike(account, "429", times=2)
    take(cloud)
    assert len(account.has()["ip"]) == 1


@pytest.mark.parametrize(
    ("do", "trouble", "words"),
    [
        ("out_of_stock", OutOfStock, "no machines of this type left"),
        ("over_quota", OverQuota, "quota for instances is used up"),
    ],
)
def test_errors_are_in_words(
    account: Account, cloud: Scaleway, do: str, trouble: type[CloudTrouble], words: str
):
    strike(account, do)
    with pytest.raises(trouble, match=words):
        take(cloud)


def test_a_key_without_the_right_is_denied(account: Account, cloud: Scaleway):
    account.steer("rights", missing=["InstancesFullAccess"])
    with pytest.raises(Denied, match="insufficient permissions"):
        take(cloud)


def test_invalid_keys_are_refused_before_any_call(account: Account):
    with pytest.raises(Denied):
        account.cloud(project="mine")


@pytest.fixture
def drip() -> Iterator[str]:
    """A server that answers one byte at a time, without end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    try:
                        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                        while not over.wait(0.05):
                            peer.sendall(b" ")
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_an_answer_that_does_not_end_is_given_up(account: Account, drip: str):
    cloud = account.cloud(url=drip, call_seconds=0.5)
    began = time.monotonic()
    with pytest.raises(Unsure):
        take(cloud)
    assert time.monotonic() - began < 30, "it has no end of its own"


def test_calls_of_all_threads_together_keep_the_pace():
    pace, turns, began = Pace(200), [], time.monotonic()

    def call() -> None:
        for _ in range(10):
            pace.wait()
            turns.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(turns) - began >= 39 / 200


def test_within_the_limit_no_call_is_refused(account: Account):
    account.steer("limit", per_second=100, burst=50)
    cloud = account.cloud(calls=50)
    threads = [threading.Thread(target=lambda: [look(cloud) for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.calls()["struck"] == {}
