"""Machines that may join: each has its key at the master, and its token here, before its first call."""

import shutil
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from butt import resources
from butt.agents.models import Agent
from butt.configuration import configuration
from butt.machines import tokens
from butt.machines.keys import new_pair
from butt.machines.models import Machine
from butt.trouble import Trouble
from scuttlekit.files import write_whole

MINION_CONFIG = resources.SALT / "minion.conf"


class StillInUse(Trouble):
    """There are bots on the machine."""


def register(person: Agent | None = None) -> Machine:
    """Make a machine for `person`, or for everybody. What it needs is then in `bundle(machine)`."""
    machine = Machine.objects.create(person=person)
    admit(machine)
    return machine


def admit(machine: Machine) -> None:
    """Make the machine's keys and its token, and accept it. Can be repeated: what exists stays as it is."""
    folder = bundle(machine)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / "token").exists():
        secret, public = new_pair()
        write_whole(folder / "minion.pem", secret, lasting=True)
        write_whole(folder / "minion.pub", public, lasting=True)
        write_whole(folder / "token", tokens.issue(machine), lasting=True)
    write_whole(folder / "minion.conf", _minion_config(machine), lasting=True)
    masters = configuration().salt_pki / "master.pub"
    if masters.exists():
        # So that the machine trusts this master from the first call on, and no other.
        write_whole(folder / "minion_master.pub", masters.read_text(), lasting=True)
    # Issued again, in case we were killed between the file and the row.
    tokens.issue(machine, (folder / "token").read_text())
    accepted = accepted_key(machine)
    accepted.parent.mkdir(parents=True, exist_ok=True)
    write_whole(accepted, (folder / "minion.pub").read_text(), lasting=True)
    Machine.objects.filter(id=machine.id, state=Machine.State.NEW).update(state=Machine.State.READY)


def rotate(machine: Machine, grace: timedelta) -> None:
    """Put a new token in the machine's bundle; earlier ones work for `grace` longer."""
    token = tokens.issue(machine)
    tokens.retire(machine, keep=token, at=timezone.now() + grace)
    write_whole(bundle(machine) / "token", token, lasting=True)


def drain(machine: Machine, *, undo: bool = False) -> bool:
    """Place no new bots on the machine, or allow them again; whether that changed anything."""
    ready, draining = Machine.State.READY, Machine.State.DRAINING
    before, after = (draining, ready) if undo else (ready, draining)
    return bool(Machine.objects.filter(id=machine.id, state=before).update(state=after))


def remove(machine: Machine) -> None:
    """Forget a machine that is gone: its key first, so that it can never come back. Raises `StillInUse`."""
    if machine.placements.exists():
        raise StillInUse(f"There are bots on {machine.minion_id}.")
    if machine.old_copies.exists():
        raise StillInUse(
            f"There are copies on {machine.minion_id} of bots that were moved away and do not answer yet where they are."
        )
    accepted_key(machine).unlink(missing_ok=True)
    shutil.rmtree(bundle(machine), ignore_errors=True)
    machine.delete()


def bundle(machine: Machine) -> Path:
    """The folder with the machine's own files: `minion.pem`, `minion.pub`, `token`, `minion.conf`, `minion_master.pub`."""
    return configuration().home / "machines" / machine.minion_id


def accepted_key(machine: Machine) -> Path:
    """Where the master looks for the key of an accepted minion."""
    return configuration().salt_pki / "minions" / machine.minion_id


def _minion_config(machine: Machine) -> str:
    text = MINION_CONFIG.read_text().replace("MINION_ID", machine.minion_id)
    if master := configuration().salt_master:
        text = text.replace("salt.example.org", master)
    return text.replace("https://private.example.org", configuration().private_server)
