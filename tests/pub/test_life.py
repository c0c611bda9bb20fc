"""A pub's life: first start, orderly stop, sudden death."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from butt.sources.releases import NODE_PUB
from tests.pub.pubs import NODE

EXAMPLE = Path(__file__).parents[2] / "examples" / "greeting_pub"


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


@pytest.fixture(params=["node", "python"])
def slow_pub(request, make_node_pub, make_python_pub, monkeypatch):
    """A pub that takes its time over noting its latest sequence."""
    if request.param == "node":
        monkeypatch.setenv("NODE_OPTIONS", f"--require {Path(__file__).with_name('slow_note.js')}")
        return make_node_pub().start()
    pub = make_python_pub()
    pub.program = [sys.executable, str(Path(__file__).with_name("slow_note.py"))]
    return pub.start()


def test_a_message_is_noted_before_it_is_acknowledged(slow_pub, client):
    pub = slow_pub
    said = client.call(pub, "publish", {"type": "post", "text": "as slow as the note of it"})
    assert pub.noted == said["value"]["sequence"]


def test_a_signal_to_stop_ends_it_in_order_and_loses_no_message(pub, client):
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


def test_whom_it_talks_with_stays_connected_whatever_happens_to_the_machine(
    make_node_pub, client, monkeypatch
):
    """Interfaces come and go with containers, and clocks are set."""
    monkeypatch.setenv("NODE_OPTIONS", f"--require {Path(__file__).with_name('restless_machine.js')}")
    client.hang_up()
    pub = make_node_pub().start()
    client.call(pub, "whoami")
    time.sleep(1)
    pub.process.send_signal(signal.SIGUSR2)
    time.sleep(2)
    assert client.connections == 1


def test_its_log_is_json_without_colours_or_secrets(pub, client):
    client.call(pub, "whoami")
    private = pub.keys["private"]
    pub.stop()
    assert {"time", "level", "event", "message"} <= set.intersection(*(set(line) for line in pub.lines))
    text = pub.output.read_text()
    assert "\x1b" not in text
    assert "u001b" not in text
    assert private not in text


def test_its_compiled_code_is_no_need(make_pub, client):
    pub = make_pub(cache="/dev/null/nothing").start()
    assert client.call(pub, "whoami") == {"id": pub.id}


@pytest.mark.parametrize("source", [NODE_PUB, EXAMPLE], ids=lambda source: source.name)
def test_a_container_runs_it_with_the_same_flags(source):
    package = json.loads((source / "package.json").read_text())
    (line,) = re.findall(r"^ENTRYPOINT (.*)$", (source / "Dockerfile").read_text(), re.MULTILINE)
    assert json.loads(line) == ["node", *package["butt"]["nodeFlags"], "/pub/pub.js"]


def test_what_is_seldom_needed_is_loaded_when_it_is(built_node_pub):
    program = """
        const { createRequire } = require('node:module')
        const from = createRequire(process.argv[1] + '/pub.js')
        from('./lib/later').loadLater()
        const load = (user, name) => createRequire(from.resolve(user))(name)
        const client = load('ssb-invite', 'ssb-client/client')
        const Blake2s = load('multiblob', 'blake2s')
        const { sync } = load('ssb-db', 'rimraf')
        const brought = () => process.moduleLoadList.includes('NativeModule tls')
        const before = brought()
        try { client({}) } catch {}
        const digest = new Blake2s().update(Buffer.from('a')).digest('hex')
        console.log(JSON.stringify([before, brought(), digest, typeof sync]))
    """
    done = subprocess.run([NODE, "-e", program, built_node_pub], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, True, hashlib.blake2s(b"a").hexdigest(), "function"]
