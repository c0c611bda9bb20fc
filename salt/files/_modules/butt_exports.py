"""Sending a bot's data straight to the private server: sizes, parts of it as a tar, the end of its log.

Everything is opened below the bot's own folder without following links: nothing that a bot puts there leads elsewhere.
"""

import http.client
import json
import os
import re
import stat
import tarfile
import time
import urllib.parse

from scuttlekit.data_folder import BLOBS, GOSSIP, LOG, MOVED, SECRET, STATE
from scuttlekit.folders import descriptor, opened

FILES = {
    "secret": (SECRET,),
    "gossip": (GOSSIP,),
    "log": (LOG,),
    "blobs": (),
    "all": (SECRET, *STATE, LOG),
    "move": MOVED,
}
WITH_BLOBS = ("blobs", "all", "move")
CHUNK = 1024 * 1024
SECONDS = 60
LOG_SIZE = 256 * 1024
TICK, BEAT = 1.0, 5.0
_BLOB = re.compile(r"[0-9a-f]{62}")


def stock(bot_id):
    """How much of each part there is, in bytes; `blobs` is the number of blobs."""
    root = _root(bot_id)
    sizes = {name: _size(root, FILES[name][0]) for name in ("secret", "gossip", "log")}
    blobs = [size for _, size in _blobs(root)]
    return {**sizes, "blobs": len(blobs), "blobs_size": sum(blobs)}


def send(bot_id, export_id, what):
    """Send `what` of the bot as a tar: `secret`, `gossip`, `log`, `blobs`, `all` or `move`. Returns its size in bytes.

    The log is fixed before the blobs are listed, so that what a message came with is there too. With `move` there is also what
    is of use to this service alone. `stock` is how much of each there is, as JSON.
    """
    place = f"exports/{export_id}"
    try:
        if what == "stock":
            return _put(place, [json.dumps(stock(bot_id)).encode()], 204)
        root = _root(bot_id)
    except (OSError, RuntimeError):
        # An empty upload, so that nobody waits for it.
        _put(place, [], 204)
        raise
    return _put(place, _tar(root, what), 204)


def follow(bot_id, seconds):
    """Send the end of the bot's log, now and whenever it changes, for as long as somebody reads it."""
    ends, sent, sent_at = time.monotonic() + min(int(seconds), 300), None, 0.0
    while time.monotonic() < ends:
        text = __salt__["butt.log"](bot_id, LOG_SIZE)
        if text != sent or time.monotonic() - sent_at > BEAT:
            if _put(f"logs/{bot_id}", [text.encode()], 204, 404) is None:
                return False
            sent, sent_at = text, time.monotonic()
        time.sleep(TICK)
    return True


def _tar(root, what):
    for name in FILES[what]:
        yield from _entry(root, name)
    if what in WITH_BLOBS:
        for name, _ in _blobs(root):
            yield from _entry(root, name)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _entry(root, name):
    """The tar entry of a file as it is now, with its present size; nothing for a missing file."""
    file = opened(root, name)
    if file is None:
        return
    with file:
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.fstat(file.fileno()).st_size, 0o600
        yield info.tobuf(tarfile.GNU_FORMAT)
        left = info.size
        while left:
            chunk = file.read(min(CHUNK, left)) or bytes(min(CHUNK, left))
            left -= len(chunk)
            yield chunk
        yield bytes(-info.size % tarfile.BLOCKSIZE)


def _blobs(root):
    for first in range(256):
        name = f"{BLOBS}/{first:02x}"
        folder = descriptor(root, name, os.O_DIRECTORY)
        if folder is None:
            continue
        try:
            for last in sorted(filter(_BLOB.fullmatch, os.listdir(folder))):
                try:
                    found = os.stat(last, dir_fd=folder, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(found.st_mode):
                    yield f"{name}/{last}", found.st_size
        finally:
            os.close(folder)


def _size(root, name):
    file = opened(root, name)
    if file is None:
        return 0
    with file:
        return os.fstat(file.fileno()).st_size


def _root(bot_id):
    container = __salt__["butt_engine.containers"]()[0].get(bot_id)
    if container is None:
        raise RuntimeError("there is no such bot on this machine")
    return next(mount["Source"] for mount in container["Mounts"] if mount["Destination"] == "/data")


def _put(path, chunks, *fine):
    """Send `chunks`; returns their size. None if the answer's status is in `fine`, but is not the first one."""
    url, headers = __salt__["butt_engine.report_to"]()
    parts, size = urllib.parse.urlsplit(f"{url}/{path}"), 0
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[parts.scheme](parts.netloc, timeout=SECONDS)

    def counted():
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    try:
        connection.request("PUT", parts.path, counted(), headers, encode_chunked=True)
        answer = connection.getresponse()
        if answer.status not in fine:
            raise RuntimeError(f"the private server answered {answer.status}")
        return size if answer.status == fine[0] else None
    finally:
        connection.close()
