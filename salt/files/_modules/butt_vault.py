"""Sending the data of this machine's bots to the private server, as it grows; the server seals it for the vault.

A separate program does this, beside the minion: each run of the states makes sure that it runs, and tells it which bots there
are. It ends by itself if it hears nothing for an hour. It has no key of the storage, only the machine's own token.
"""

import fcntl
import hashlib
import http.client
import json
import logging
import os
import stat
import subprocess
import sys
import time
import urllib.parse
import uuid
from pathlib import Path

from scuttlekit.data_folder import STATE, STATE_OF_SERVICE
from scuttlekit.files import write_whole
from scuttlekit.folders import opened

log = logging.getLogger(__name__)

TICK, AFTER_TROUBLE, NOT_HERE, REFUSED = 1.0, 20.0, 60.0, 300.0
WAIT = 5.0
"""Seconds until less than a full piece of the log is sent as well."""

PIECE, LONGEST_PIECE = 1 << 20, 3 << 20
SMALL_PIECE, SMALL_PIECES = PIECE // 2, 64
"""Pieces of fewer bytes are merged, at the latest when there are so many in a row."""

LARGEST_BLOB, LARGEST_SMALL = 64 << 20, 1 << 20
SMALL = {name.removesuffix(".json"): name for name in (*STATE, *STATE_OF_SERVICE)}
"""Small files beside the secret: what each is called in the vault, and here."""

BLOBS_EVERY, SETTLED = 30.0, 2.0
TOLD_EVERY, TOLD_AT_LEAST = 10.0, 60.0
FORGOTTEN = 3600.0
SECONDS = 120
MOST_ANSWER = 64 << 20


def keep(pillar):
    """Have the program run for the bots that are here, if the service has a vault."""
    settings = __salt__["butt_engine.settings"]()
    note = os.path.join(settings["home"], "vault.json")
    if not (pillar["butt"].get("vault") and settings["report"]):
        if os.path.exists(note):
            os.remove(note)
        return False
    bots = {}
    for bot_id, there in __salt__["butt_engine.containers"]()[0].items():
        found = [mount["Source"] for mount in there["Mounts"] if mount["Destination"] == "/data"]
        if found and bot_id in pillar["butt"]["bots"]:
            bots[bot_id] = found[0]
    told = json.dumps({"agent": __opts__["id"], **settings["report"], "bots": bots}, sort_keys=True)
    _tell(note, told)
    if not _runs(note):
        subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), note],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            close_fds=True,
        )
    return True


def _tell(note, told):
    try:
        with open(note) as file:
            if file.read() == told:
                os.utime(note)
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(note), exist_ok=True)
    write_whole(Path(note), told)


def _runs(note):
    with open(f"{note}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class PrivateServerAway(Exception):
    """The private server, or the vault behind it, accepts nothing now."""


class NotTaken(Exception):
    """This one thing is not accepted; `status` is that of the answer."""

    def __init__(self, status):
        super().__init__(f"the private server answered {status}")
        self.status = status


class PrivateServer:
    """The private server, over one connection that is kept open."""

    def __init__(self):
        self._connection, self._to = None, None

    def ask(self, told, method, path, body=None):
        """The JSON answer, None if there is none. Raises `PrivateServerAway` and `NotTaken`."""
        try:
            with open(told["token_file"]) as file:
                token = file.read().split()[0]
            answer = self._answer(told["url"], method, f"/agents/{told['agent']}/vault{path}", body, token)
            content = answer.read(MOST_ANSWER)
            if answer.length:
                raise PrivateServerAway("the answer is too long")
        except (OSError, http.client.HTTPException, IndexError) as error:
            self._close()
            raise PrivateServerAway(str(error)) from error
        if answer.status in (200, 204):
            return json.loads(content) if content else None
        if answer.getheader("Connection", "").lower() == "close":
            self._close()
        if answer.status in (429, 401, 403) or (answer.status >= 500 and answer.status != 507):
            raise PrivateServerAway(f"the private server answered {answer.status}")
        raise NotTaken(answer.status)

    def _answer(self, url, method, path, body, token):
        parts = urllib.parse.urlsplit(url)
        if self._connection is None or self._to != url:
            self._close()
            kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
            self._connection, self._to = kinds[parts.scheme](parts.netloc, timeout=SECONDS), url
        is_used = self._connection.sock is not None
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
        try:
            self._connection.request(method, f"{parts.path.rstrip('/')}{path}", body, headers)
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):
            # The other side may have closed the kept connection meanwhile. Sending the same thing twice does no harm.
            self._connection.close()
            if not is_used:
                raise
        self._connection.request(method, f"{parts.path.rstrip('/')}{path}", body, headers)
        return self._connection.getresponse()

    def _close(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class BotInVault:
    """What is known to be in the vault of one bot: where its log continues, and digests of everything else."""

    def __init__(self, there):
        self.line, self.end = there["line"], there["end"]
        self.start, self.digest = there["start"], there["digest"]
        self.run_start, self.run = there.get("runStart", self.end), there.get("run", 0)
        self.small = {what: there.get(what, "") for what in ("secret", *SMALL)}
        self.blobs = {bytes.fromhex(name) for name in there["blobs"]}
        self.stamps, self.folders = {}, {}
        self.pending = None
        self.blobs_at = -1e9


class VaultSender:
    """`clock` is monotonic, in seconds."""

    def __init__(self, server, clock=time.monotonic):
        self._server, self._clock = server, clock
        self._bots, self._rests = {}, {}
        self._told, self._told_at = {}, -1e9
        self._first = None

    def round(self, told):
        """Send what has grown; returns for how many seconds to rest."""
        for known in (self._bots, self._rests):
            for bot_id in known.keys() - told["bots"].keys():
                del known[bot_id]
        rest = TICK
        for bot_id, root in sorted(told["bots"].items(), key=lambda each: each[0] == self._first):
            until, _ = self._rests.get(bot_id, (0.0, ""))
            if self._clock() < until:
                continue
            try:
                self._send(told, bot_id, root)
                self._rests.pop(bot_id, None)
            except NotTaken as no:
                self._bots.pop(bot_id, None)
                words = "" if no.status == 404 else f"The vault does not accept it: {no}."
                self._rests[bot_id] = (self._clock() + (NOT_HERE if no.status == 404 else REFUSED), words)
            except PrivateServerAway:
                # What was not accepted the last time comes last, so that it does not hold up the others.
                self._first, rest = bot_id, AFTER_TROUBLE
                break
            except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
                self._bots.pop(bot_id, None)
                self._rests[bot_id] = (self._clock() + AFTER_TROUBLE, f"It cannot be read: {error}."[:300])
        else:
            self._first = None
        self._tell(told)
        return rest

    def _send(self, told, bot_id, root):
        try:
            secret = self._read(root, "secret", LARGEST_SMALL) if self._is_new(bot_id, root) else None
        except FileNotFoundError:
            # It has not made its key yet, or has lost its data.
            self._bots.pop(bot_id, None)
            return
        bot = self._bots.get(bot_id)
        if bot is None:
            bot = BotInVault(self._server.ask(told, "GET", f"/{bot_id}"))
            if not self._goes_on(bot, root):
                bot.line, bot.end = f"{time.time_ns() // 1_000_000:013d}-{uuid.uuid4().hex[:8]}", 0
                bot.run_start, bot.run = 0, 0
        if secret is not None:
            self._send_small(told, bot_id, bot, "secret", secret)
            bot.stamps["secret"] = self._stamp(root, "secret")
            self._bots[bot_id] = bot
        for what, name in SMALL.items():
            stamp = self._stamp(root, name)
            if stamp and stamp != bot.stamps.get(what):
                self._send_small(told, bot_id, bot, what, self._read(root, name, LARGEST_SMALL))
                bot.stamps[what] = stamp
        self._send_log(told, bot_id, bot, root)
        if bot_id in self._bots and self._clock() - bot.blobs_at > BLOBS_EVERY:
            self._send_blobs(told, bot_id, bot, root)
            bot.blobs_at = self._clock()

    def _is_new(self, bot_id, root):
        """Whether the secret has to be read: it was not read yet, or is another file now."""
        bot = self._bots.get(bot_id)
        stamp = self._stamp(root, "secret")
        if stamp is None:
            raise FileNotFoundError(root)
        return bot is None or bot.stamps.get("secret") != stamp

    def _goes_on(self, bot, root):
        """Whether its log continues what the vault has: it contains exactly the bytes that were sent last."""
        if not bot.line:
            return False
        try:
            with _open(root, "flume/log.offset") as file:
                file.seek(bot.start)
                return _digest(file.read(bot.end - bot.start)) == bot.digest
        except FileNotFoundError:
            return False

    def _send_small(self, told, bot_id, bot, what, content):
        digest = _digest(content)
        if bot.small[what] != digest:
            self._server.ask(told, "PUT", f"/{bot_id}/{what}", content)
            bot.small[what] = digest

    def _send_log(self, told, bot_id, bot, root):
        size = self._size(root)
        if size < bot.end:
            # This is not the log that was sent: the next round checks anew what continues what.
            del self._bots[bot_id]
            return
        while size > bot.end:
            bot.pending = bot.pending or self._clock()
            if size - bot.end < PIECE and self._clock() - bot.pending < WAIT:
                return
            with _open(root, "flume/log.offset") as file:
                file.seek(bot.end)
                data = file.read(min(size - bot.end, LONGEST_PIECE))
            end = self._server.ask(told, "PUT", f"/{bot_id}/log/{bot.line}/{bot.end}", data)["end"]
            if end == bot.end:
                return
            bot.end, bot.pending = end, None
            bot.run += 1
            self._merge(told, bot_id, bot, root)

    def _merge(self, told, bot_id, bot, root):
        """Merge the last pieces of its copy as soon as they are many or large: otherwise lists would grow without end."""
        length = bot.end - bot.run_start
        if length < SMALL_PIECE and bot.run < SMALL_PIECES:
            return
        merged = bot.run_start
        if bot.run > 1:
            with _open(root, "flume/log.offset") as file:
                file.seek(bot.run_start)
                data = file.read(min(length, PIECE))
            path = f"/{bot_id}/log/{bot.line}/{bot.run_start}?merge=1"
            merged = self._server.ask(told, "PUT", path, data)["end"]
        if bot.run_start < merged < bot.end:
            bot.run_start = merged  # The next pieces follow with the next send.
        elif length >= SMALL_PIECE or merged == bot.run_start:
            bot.run_start, bot.run = bot.end, 0
        else:
            bot.run = 1

    def _send_blobs(self, told, bot_id, bot, root):
        for first, changed in self._folders(root):
            if bot.folders.get(first) == changed:
                continue
            for last, size in self._blobs(root, first):
                name = f"{first}{last}"
                if bytes.fromhex(name) in bot.blobs or size > LARGEST_BLOB:
                    continue
                content = self._read(root, f"blobs/sha256/{first}/{last}", LARGEST_BLOB)
                if hashlib.sha256(content).hexdigest() == name:
                    self._server.ask(told, "PUT", f"/{bot_id}/blobs/{name}", content)
                    bot.blobs.add(bytes.fromhex(name))
            if time.time() - changed / 1e9 > SETTLED:
                bot.folders[first] = changed

    def _folders(self, root):
        """The folders of blobs, and when each was last changed."""
        place = os.path.join(root, "blobs", "sha256")
        try:
            with os.scandir(place) as entries:
                found = [
                    (entry.name, entry.stat(follow_symlinks=False).st_mtime_ns)
                    for entry in entries
                    if len(entry.name) == 2 and entry.is_dir(follow_symlinks=False)
                ]
        except FileNotFoundError:
            return []
        return [(name, changed) for name, changed in sorted(found) if _is_hexadecimal(name, 2)]

    def _blobs(self, root, first):
        folder = os.path.join(root, "blobs", "sha256", first)
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name, entry.stat(follow_symlinks=False).st_size)
                for entry in entries
                if _is_hexadecimal(entry.name, 62) and entry.is_file(follow_symlinks=False)
            )

    def _read(self, root, name, most):
        with _open(root, name) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise ValueError(f"{name} is larger than {most} bytes")
        return content

    def _stamp(self, root, name):
        """A value that changes when the file does. The file is not read, so a link does not matter."""
        try:
            seen = os.stat(os.path.join(root, name), follow_symlinks=False)
        except FileNotFoundError:
            return None
        return (seen.st_mtime_ns, seen.st_ino) if stat.S_ISREG(seen.st_mode) else None

    def _size(self, root):
        try:
            seen = os.stat(os.path.join(root, "flume", "log.offset"), follow_symlinks=False)
        except FileNotFoundError:
            return 0
        return seen.st_size

    def _tell(self, told):
        """Report how far behind each bot is: at once if that has changed, else once a minute."""
        now = self._clock()
        looks = {}
        for bot_id, root in told["bots"].items():
            bot, (_, words) = self._bots.get(bot_id), self._rests.get(bot_id, (0.0, ""))
            if bot is not None or words:
                behind = max(0, self._size(root) - bot.end) if bot else 0
                since = bot.pending if bot and bot.pending else now
                looks[bot_id] = [behind, round(now - since) if behind else 0, words]
        if not looks or now - self._told_at < (TOLD_AT_LEAST if looks == self._told else TOLD_EVERY):
            return
        self._told_at = now
        try:
            self._server.ask(told, "POST", "", json.dumps(looks))
            self._told = looks
        except (PrivateServerAway, NotTaken):
            pass


def _open(root, name):
    file = opened(root, name)
    if file is None:
        raise FileNotFoundError(name)
    return file


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:32]


def _is_hexadecimal(name, length):
    return len(name) == length and not set(name) - set("0123456789abcdef")


def main(note):
    """Send for as long as the note exists and was updated within an hour."""
    with open(f"{note}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        sender, stamp, told = VaultSender(PrivateServer()), None, {}
        while True:
            try:
                seen = os.stat(note)
                if stamp != (seen.st_ino, seen.st_size):
                    with open(note) as file:
                        told = json.load(file)
                    stamp = (seen.st_ino, seen.st_size)
            except (OSError, ValueError):
                return
            if time.time() - seen.st_mtime > FORGOTTEN:
                return
            try:
                rest = sender.round(told)
            except Exception:
                rest = AFTER_TROUBLE
            time.sleep(rest)


if __name__ == "__main__":
    main(sys.argv[1])
