"""Rows of machines that the private server knows, with their tokens and the exports that they are asked
for.
"""

import hashlib
import uuid

from django.db.models import Model

from butt.machines.models import Machine, MachineToken, Upload


def id_of(minion_id: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_DNS, minion_id)


def token_of(minion_id: str) -> str:
    return f"token of {minion_id}"


def joined(minion_id: str) -> list[Model]:
    machine = Machine(id=id_of(minion_id), minion_id=minion_id, state=Machine.State.READY)
    digest = hashlib.sha256(token_of(minion_id).encode()).hexdigest()
    return [machine, MachineToken(machine=machine, digest=digest)]


def expected(minion_id: str) -> Upload:
    """An export that the machine is asked for."""
    return Upload(machine_id=id_of(minion_id), bot_id=uuid.uuid4(), most=1 << 30)


def path_of(upload: Upload, minion_id: str) -> str:
    return f"/agents/{minion_id}/exports/{upload.id}"
