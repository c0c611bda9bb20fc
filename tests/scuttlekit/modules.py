"""ssb-validate and ssb-keys, in a Node process that lives as long as the tests that use it."""

import base64
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scuttlekit import KeyPair
from scuttlekit.messages import Head
from tests.scuttlekit.v8 import NODE


class Modules:
    def __init__(self, release: Path) -> None:
        self.process = subprocess.Popen(
            [NODE, Path(__file__).with_suffix(".js"), release],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def judge(self, head: Head | None, text: str, hmac_key: bytes | None = None) -> str | None:
        """The id that ssb-validate gives a message, or None if it refuses it."""
        return self._ask(
            head=head and {"sequence": head.sequence, "id": head.key},
            hmacKey=hmac_key and base64.b64encode(hmac_key).decode(),
            text=text,
        )

    def box(self, content: Any, recipients: Sequence[str]) -> str:
        return self._ask(box=content, recipients=recipients)

    def unbox(self, text: str, keys: KeyPair) -> Any:
        lines = [line for line in keys.format().splitlines() if not line.startswith("#")]
        return self._ask(unbox=text, secret=json.loads("".join(lines)))

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, **request: Any) -> Any:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline()).get("value")
