"""A pub's life: first start, orderly stop, sudden death."""

import signal
import sys
from pathlib import Path


def test_a_first_start_makes_a_secret_and_answers_with_its_id(pub, client):
    assert client.call(pub, "whoami") == {"id": pub.id}
    assert pub.keys["id"] == pub.id
    assert (pub.data / "secret").stat().st_mode & 0o777 == 0o400
    assert pub.event("listening")["launch"] == 1


def test_when_it_is_killed_its_last_acknowledged_message_is_noted(pub, client):
    for _ in range(5):
        for number in range(10):
            said = client.call(pub, "publish", {"type": "post", "text": str(number)})
        pub.kill()
        assert pub.noted == said["value"]["sequence"]
        client.hang_up()
        pub.start()


def test_a_message_is_noted_before_it_is_acknowledged(make_pub, client):
    pub = make_pub()
    pub.program = [sys.executable, str(Path(__file__).with_name("slow_note.py"))]
    pub.start()
    said = client.call(pub, "publish", {"type": "post", "text": "as slow as the note of it"})
    assert pub.noted == said["value"]["sequence"]


def test_a_signal_stops_the_pub_in_order_and_loses_no_message(pub, client):
    for number in range(20):
        client.call(pub, "publish", {"type": "post", "text": str(number)})
    assert pub.stop(signal.SIGTERM) == 0
    assert pub.event("stopped")["level"] == "info"
    assert pub.noted == 20
    pub.start()
    messages = client.call(pub, "createLogStream", count=20)
    assert [message["value"]["content"]["text"] for message in messages] == [str(n) for n in range(20)]


def test_it_stops_with_a_client_in_the_middle_of_a_stream(pub, client):
    client.call(pub, "butt.figures", count=1)
    assert pub.stop(signal.SIGINT) == 0


def test_it_starts_after_a_sudden_death_with_the_same_id(pub, client):
    before = pub.id
    client.call(pub, "publish", {"type": "post", "text": "last words"})
    pub.stop(signal.SIGKILL)
    pub.start()
    assert pub.id == before
    assert client.call(pub, "getLatest", before)["value"]["sequence"] == 1


def test_the_log_is_json_without_colours_or_secrets(pub, client):
    client.call(pub, "whoami")
    private = pub.keys["private"]
    pub.stop()
    assert {"time", "level", "event", "message"} <= set.intersection(*(set(line) for line in pub.lines))
    text = pub.output.read_text()
    assert "\x1b" not in text
    assert "u001b" not in text
    assert private not in text
