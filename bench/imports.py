"""Importing a pub with 50,000 messages and 1 GiB of blobs over the API, beside a copy of the same bytes.

The floor is `dd` of the same tar with fsync, in turns in the same minute. The time of an import includes a `sync`, so that
all its bytes are on the disk as well. Each blob is hashed once as it arrives, and each record of the log is looked at. So
there is a second floor: the same `dd`, and then SHA-256 of the tar with the library that we use.
"""

import hashlib
import http.client
import io
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from bench.pace import Peak, tell_pace
from butt.sources.releases import build
from scuttlekit import KeyPair
from scuttlekit.data_folder import LOG, SECRET
from scuttlekit.offsetlog import framed
from tests.scuttlekit.logs import message
from tests.service import LONG, Person, Service

MESSAGES, BLOBS, BLOB_SIZE, ROUNDS = 50_000, 512, 2 << 20, 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        place = Path(folder) / "pub.tar"
        with Service(Path(folder) / "home", build().path) as site:
            measure(site, site.person("alice@example.org"), place)


def measure(site: Service, alice: Person, place: Path) -> None:
    ours, copied, hashed = [], [], []
    with Peak(site.part("public")) as memory:
        for number in range(ROUNDS):
            pack(place)
            os.sync()
            copied.append(timed_copy(place))
            hashed.append(copied[-1] + timed_hash(place))
            ours.append(timed_import(alice, f"my{number}", place))
    floors = {"`dd` with fsync": copied, "`dd` with fsync, then SHA-256": hashed}
    tell_pace("an import", place.stat().st_size, ours, floors, memory)


def pack(place: Path) -> None:
    """A tar of a pub's data folder with an identity of its own, as no identity is imported twice."""
    keys = KeyPair.generate()
    with tarfile.open(place, "w") as archive:
        keys.save(secret := place.with_name(f"secret-{hash(keys.id)}"))
        archive.add(secret, SECRET)
        add(archive, LOG, framed((message(keys.id, number + 1) for number in range(MESSAGES)), 0)[0])
        for _ in range(BLOBS):
            blob = os.urandom(BLOB_SIZE)
            digest = hashlib.sha256(blob).hexdigest()
            add(archive, f"blobs/sha256/{digest[:2]}/{digest[2:]}", blob)


def add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def timed_copy(place: Path) -> float:
    copy = place.with_name("copy.tar")
    began = time.monotonic()
    subprocess.run(["dd", f"if={place}", f"of={copy}", "bs=1M", "conv=fsync", "status=none"], check=True)
    took = time.monotonic() - began
    copy.unlink()
    return took


def timed_hash(place: Path) -> float:
    began = time.monotonic()
    with place.open("rb") as tar:
        hashlib.file_digest(tar, "sha256")
    return time.monotonic() - began


def timed_import(alice: Person, name: str, place: Path) -> float:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", alice.site.port, timeout=LONG)
    with place.open("rb") as tar:
        heads = {
            "Authorization": f"Bearer {alice.token}",
            "Content-Type": "application/x-tar",
            "Content-Length": str(place.stat().st_size),
        }
        asked = urlencode({"name": name, "stopped": "for-good"})
        connection.request("POST", f"/agents/import?{asked}", headers=heads)
        connection.sock.sendfile(tar)
        answer = connection.getresponse()
        assert answer.status == http.HTTPStatus.CREATED, answer.read()
    connection.close()
    os.sync()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
