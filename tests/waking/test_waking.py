"""Who waits for rows is woken when they are written: on both databases, by other processes too, and never for what is undone."""

import os
import socket
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from butt.agents.actions import create_bot
from butt.agents.models import Agent, Observed, Progress, Wanted
from butt.agents.wake import wake_steward
from butt.figures.models import MonitorBeat
from butt.waking import telling
from butt.waking.listening import WriteEvent, is_listening, listening
from butt.waking.telling import Word, word_of
from tests.people import many_bots, person
from tests.service import wait_for

SOON = 20.0


def heard(written: WriteEvent) -> bool:
    """Whether the listener is woken, within a time that is ample on any machine."""
    return written.wait(SOON)


def rest(*events: WriteEvent) -> None:
    """Wait until everything written before has been announced."""
    wait_for(is_listening)
    for written in events:
        written.wait(0.1)


@pytest.mark.django_db(transaction=True)
def test_a_write_wakes_who_waits_for_its_table():
    many_bots(person("alice"), 1)
    with listening(Wanted) as written:
        rest(written)
        Wanted.objects.update(run=False)
        assert heard(written)
        Progress.objects.update(reason="")
        assert not written.wait(0.2)


@pytest.mark.django_db(transaction=True)
def test_a_new_row_wakes_too():
    """SQLite says that a row which is returned from its insertion is none."""
    with listening(Progress) as written:
        rest(written)
        create_bot(person("alice"), "my")
        assert heard(written)


@pytest.mark.django_db(transaction=True)
def test_it_wakes_when_it_is_committed_and_not_when_it_is_undone():
    many_bots(person("alice"), 1)
    with listening(Wanted) as written:
        rest(written)
        with transaction.atomic():
            Wanted.objects.update(run=False)
            transaction.set_rollback(True)
        assert not written.wait(0.2)
        with transaction.atomic():
            Wanted.objects.update(run=False)
            assert not written.wait(0.2)
        assert heard(written)


@pytest.mark.django_db(transaction=True)
def test_a_transaction_announces_its_tables_together_and_each_once():
    many_bots(person("alice"), 1)
    telling.folder().mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(telling.folder() / "ear"))
        with transaction.atomic():
            Wanted.objects.update(run=False)
            with suppress(ZeroDivisionError), transaction.atomic():
                Agent.objects.update(description="undone")
                raise ZeroDivisionError
            with transaction.atomic():
                Progress.objects.update(reason="")
            Wanted.objects.update(run=True)
        ear.settimeout(SOON)
        heard, begun = list[str](), b""
        while b"agents_progress" not in begun:
            begun = ear.recv(telling.LONGEST)
            heard += begun.decode().splitlines()
        (telling.folder() / "ear").unlink()
    assert sorted(set(heard)) == ["agents_progress reason", "agents_wanted run"]


@pytest.mark.django_db(transaction=True)
def test_what_is_not_to_be_told_wakes_nobody():
    many_bots(person("alice"), 1)
    with listening(Progress) as written:
        rest(written)
        with telling.unannounced():
            Progress.objects.update(due_at=timezone.now())
        assert not written.wait(0.2)
        Progress.objects.update(due_at=timezone.now())
        assert heard(written)


@pytest.mark.django_db(transaction=True)
def test_columns_that_nobody_waits_for_wake_nobody():
    many_bots(person("alice"), 1)
    with listening(Progress, ignoring=("due_at",)) as written, listening(Progress) as other:
        rest(written, other)
        wake_steward(Agent.objects.get(type=Agent.Type.BOT).id)
        assert heard(other)
        assert not written.wait(0.2)
        Progress.objects.update(due_at=timezone.now(), state="stopped")
        assert heard(written)


@pytest.mark.django_db(transaction=True)
def test_a_socket_whose_process_was_killed_is_cleared_away():
    many_bots(person("alice"), 1)
    with listening(Wanted) as written:
        rest(written)
        script = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind(sys.argv[1])"
        left = telling.folder() / "left"
        subprocess.run([sys.executable, "-c", script, "left"], cwd=left.parent, check=True)
        assert left.exists()
        Wanted.objects.update(run=False)
        assert heard(written)
        assert not left.exists()


@pytest.mark.parametrize("text", ["", " ", "\n\0", "no_such_table x", "agents_wanted"])
def test_whatever_comes_is_a_word_or_none(text: str):
    word = Word.read(text)
    assert word is None or word.table == text.split(maxsplit=1)[0]


@pytest.mark.django_db
def test_what_django_writes_is_read_as_it_is_meant():
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        many_bots(person("alice"), 2)
        Progress.objects.update(due_at=timezone.now())
        Observed.objects.filter(bot__name="bot0").update(alive=True, sequence=F("sequence") + 1)
        MonitorBeat.objects.create(beat=timezone.now(), watching=0, written=0, lost=0)
        Agent.objects.filter(type=Agent.Type.BOT).delete()
    words = [word for query in captured.captured_queries if (word := word_of(query["sql"]))]
    assert Word("agents_agent") in words
    assert Word("agents_progress", frozenset({"due_at"})) in words
    assert Word("agents_observed", frozenset({"alive", "sequence"})) in words
    assert not [word for word in words if word.table.startswith("figures_")]


PROGRAM = """
    import sys, django
    django.setup()
    from butt.agents.models import Agent
    from butt.waking.listening import is_listening, listening
    if sys.argv[1] == "write":
        Agent.objects.create(type=Agent.Type.PERSON, name="Bob")
        sys.exit()
    with listening(Agent) as written:
        while not is_listening():
            written.wait(0.1)
        written.wait(0)
        print("listening", flush=True)
        assert written.wait(30)
        print("woken", flush=True)
"""


def test_on_postgres_another_process_is_woken(postgres_url: str, tmp_path: Path):
    ours = {"BUTT_DATABASE_URL": postgres_url, "BUTT_HOME": str(tmp_path)}
    environment = os.environ | ours | {"DJANGO_SETTINGS_MODULE": "butt.settings"}
    run = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    with subprocess.Popen([*run, "listen"], env=environment, stdout=subprocess.PIPE, text=True) as listener:
        assert listener.stdout
        assert listener.stdout.readline() == "listening\n"
        subprocess.run([*run, "write"], env=environment, check=True)
        assert listener.stdout.readline() == "woken\n"
    assert listener.returncode == 0
