"""What a pub leaves in its folder, without the pub."""

import hashlib
from pathlib import Path

from scuttlekit.keys import KeyPair
from scuttlekit.messages import Message, create
from scuttlekit.offsetlog import framed
from scuttlekit.pub.store.records import record_of


class Folder:
    """A bot's data, in which its pub writes."""

    def __init__(self, data: Path) -> None:
        self.keys = KeyPair.generate()
        self.data = data
        (self.data / "flume").mkdir(parents=True)
        self.keys.save(self.data / "secret")
        self.log = self.data / "flume" / "log.offset"
        self.log.touch()
        self.last: Message | None = None

    def says(self, count: int, text: str = "hello") -> None:
        for _ in range(count):
            head = self.last and self.last.head
            self.last = create({"type": "post", "text": text}, self.keys, head, 1.0)
            with self.log.open("ab") as file:
                file.write(framed([record_of(self.last, 1.0)], file.tell())[0])

    def has_blob(self, content: bytes) -> None:
        name = hashlib.sha256(content).hexdigest()
        path = self.data / "blobs" / "sha256" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
