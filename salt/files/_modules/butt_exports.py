"""Handing out what a bot keeps: one of its files, or all of them as a tar, straight to the private server."""

import http.client
import os
import stat
import subprocess
import urllib.parse

FILES = {"secret": ("secret",), "gossip": ("gossip.json",), "log": ("flume", "log.offset")}
FOLDERS = {"blobs": ("blobs", "sha256"), "all": ()}
CHUNK = 1024 * 1024
SECONDS = 60


def send(bot_id, export_id, what):
    """Send `what` of the bot: `secret`, `gossip`, `log`, `blobs` or `all`. Returns its size in bytes."""
    there = __salt__["butt_engine.containers"]()[0].get(bot_id)
    if there is None:
        raise RuntimeError("there is no such bot on this machine")
    root = next(mount["Source"] for mount in there["Mounts"] if mount["Destination"] == "/data")
    if what in FILES:
        with os.fdopen(_open(root, FILES[what], os.O_RDONLY), "rb") as file:
            return _put(export_id, iter(lambda: file.read(CHUNK), b""))
    folder = _open(root, FOLDERS[what], os.O_RDONLY | os.O_DIRECTORY)
    try:
        # tar keeps a link as a link: it follows none out of the bot's own folder.
        command = ["tar", "--create", "--directory", f"/proc/self/fd/{folder}", "."]
        with subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=[folder]) as tar:
            size = _put(export_id, iter(lambda: tar.stdout.read(CHUNK), b""))
        # 1: a file changed while it was read, as a living bot's may.
        if tar.returncode not in (0, 1):
            raise RuntimeError(f"tar ended with {tar.returncode}")
        return size
    finally:
        os.close(folder)


def _open(root, path, flags):
    """Step by step, and over no link: the folder is the bot's own, and a link in it may lead anywhere."""
    current = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for number, name in enumerate(path):
        last = number == len(path) - 1
        how = (flags if last else os.O_RDONLY | os.O_DIRECTORY) | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            below = os.open(name, how, dir_fd=current)
        finally:
            os.close(current)
        current = below
    if not (stat.S_ISREG(os.fstat(current).st_mode) or stat.S_ISDIR(os.fstat(current).st_mode)):
        os.close(current)
        raise RuntimeError("this is no file")
    return current


def _put(export_id, chunks):
    to = __salt__["butt_engine.settings"]()["report"]
    with open(to["token_file"]) as file:
        token = file.read().split()[0]
    parts, size = urllib.parse.urlsplit(to["url"]), 0
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[parts.scheme](parts.netloc, timeout=SECONDS)

    def counted():
        nonlocal size
        for chunk in chunks:
            size += len(chunk)
            yield chunk

    path = f"{parts.path.rstrip('/')}/agents/{__opts__['id']}/exports/{export_id}"
    connection.request("PUT", path, counted(), {"Authorization": f"Bearer {token}"}, encode_chunked=True)
    answer = connection.getresponse()
    if answer.status != 204:
        raise RuntimeError(f"the private server answers {answer.status}")
    return size
