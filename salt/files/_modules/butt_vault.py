"""Sending the data of this machine's bots to the private server, as it grows; the server seals it for the vault.

A separate program does this, beside the minion: each run of the states makes sure that it runs, and tells it which bots there
are. It ends by itself if it hears nothing for an hour. It has no key of the storage, only the machine's own token.
"""

import fcntl
import http.client
import json
import logging
import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from butt_sender import BotSender

from scuttlekit.files import write_whole

log = logging.getLogger(__name__)

TICK, AFTER_TROUBLE, NOT_HERE, REFUSED = 1.0, 20.0, 60.0, 300.0
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
    for bot_id, container in __salt__["butt_engine.containers"]()[0].items():
        found = [mount["Source"] for mount in container["Mounts"] if mount["Destination"] == "/data"]
        if found and bot_id in pillar["butt"]["bots"]:
            bots[bot_id] = found[0]
    note_text = json.dumps({"agent": __opts__["id"], **settings["report"], "bots": bots}, sort_keys=True)
    _tell(note, note_text)
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


def _tell(note, note_text):
    try:
        with open(note) as file:
            if file.read() == note_text:
                os.utime(note)
                return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(note), exist_ok=True)
    write_whole(Path(note), note_text)


def _runs(note):
    with open(f"{note}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class PrivateServerAway(Exception):
    """The private server, or the vault behind it, accepts nothing now."""


class SendRefused(Exception):
    """This one thing is not accepted; `status` is that of the answer."""

    def __init__(self, status):
        super().__init__(f"the private server answered {status}")
        self.status = status


class PrivateServer:
    """The private server, over one connection that is kept open."""

    def __init__(self):
        self._connection, self._to = None, None

    def ask(self, settings, method, path, body=None):
        """The JSON answer, None if there is none. Raises `PrivateServerAway` and `SendRefused`."""
        try:
            with open(settings["token_file"]) as file:
                token = file.read().split()[0]
            answer = self._answer(
                settings["url"], method, f"/agents/{settings['agent']}/vault{path}", body, token
            )
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
        raise SendRefused(answer.status)

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


class VaultBehindServer:
    """The vault, for one bot, over the private server: what `butt_sender` needs of it."""

    is_full = False  # The private server takes nothing then.

    def __init__(self, ask, bot_id):
        self._ask, self._path = ask, f"/{bot_id}"

    def stored(self):
        return self._ask("GET", self._path)

    def small(self, what, content):
        self._ask("PUT", f"{self._path}/{what}", content)

    def log(self, line, start, data):
        return self._ask("PUT", f"{self._path}/log/{line}/{start}", data)["end"]

    def merge(self, line, start, data):
        return self._ask("PUT", f"{self._path}/log/{line}/{start}?merge=1", data)["end"]

    def blob(self, name, content):
        self._ask("PUT", f"{self._path}/blobs/{name}", content)


class VaultSender:
    """`clock` is monotonic, in seconds."""

    def __init__(self, server, clock=time.monotonic):
        self._server, self._clock = server, clock
        self._senders, self._rests = {}, {}
        self._to = {}
        self._told, self._told_at = {}, -1e9
        self._first = None

    def round(self, settings):
        """Send what has grown; returns for how many seconds to rest."""
        self._to = settings
        for known in (self._senders, self._rests):
            for bot_id in known.keys() - settings["bots"].keys():
                del known[bot_id]
        rest = TICK
        for bot_id, root in sorted(settings["bots"].items(), key=lambda each: each[0] == self._first):
            until, _ = self._rests.get(bot_id, (0.0, ""))
            if self._clock() < until:
                continue
            sender = self._sender(bot_id, root)
            try:
                sender.send()
                self._rests.pop(bot_id, None)
            except SendRefused as no:
                sender.forget()
                words = "" if no.status == 404 else f"The vault does not accept it: {no}."
                self._rests[bot_id] = (self._clock() + (NOT_HERE if no.status == 404 else REFUSED), words)
            except PrivateServerAway:
                # What was not accepted the last time comes last, so that it does not hold up the others.
                self._first, rest = bot_id, AFTER_TROUBLE
                break
            except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
                sender.forget()
                self._rests[bot_id] = (self._clock() + AFTER_TROUBLE, f"It cannot be read: {error}."[:300])
        else:
            self._first = None
        self._tell()
        return rest

    def _sender(self, bot_id, root):
        known = self._senders.get(bot_id)
        if known is None or known[0] != root:
            known = self._senders[bot_id] = (
                root,
                BotSender(VaultBehindServer(self._ask, bot_id), root, self._clock),
            )
        return known[1]

    def _ask(self, method, path, body=None):
        return self._server.ask(self._to, method, path, body)

    def _tell(self):
        """Report how far behind each bot is: at once if that has changed, else once a minute."""
        now = self._clock()
        looks = {}
        for bot_id, (_, sender) in self._senders.items():
            behind, (_, words) = sender.behind, self._rests.get(bot_id, (0.0, ""))
            if behind is not None or words:
                looks[bot_id] = [*(behind or (0, 0)), words]
        if not looks or now - self._told_at < (TOLD_AT_LEAST if looks == self._told else TOLD_EVERY):
            return
        self._told_at = now
        try:
            self._ask("POST", "", json.dumps(looks))
            self._told = looks
        except (PrivateServerAway, SendRefused):
            pass


def main(note):
    """Send for as long as the note exists and was updated within an hour."""
    with open(f"{note}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        sender, stamp, settings = VaultSender(PrivateServer()), None, {}
        while True:
            try:
                seen = os.stat(note)
                if stamp != (seen.st_ino, seen.st_size):
                    with open(note) as file:
                        settings = json.load(file)
                    stamp = (seen.st_ino, seen.st_size)
            except (OSError, ValueError):
                return
            if time.time() - seen.st_mtime > FORGOTTEN:
                return
            try:
                rest = sender.round(settings)
            except Exception:
                rest = AFTER_TROUBLE
            time.sleep(rest)


if __name__ == "__main__":
    main(sys.argv[1])
