"""The bots of this machine: what to do, how they are, their logs."""

import json
import logging
import re
import time
import urllib.request
from pathlib import Path

import butt_trial

from scuttlekit.data_folder import named_id, newest_message, noted_sequence

SCHEMA = 1
MOST_GONE = 5
"""How many bots one run removes: if a wrong list ever arrives, somebody notices before much is lost."""

MOST_WORDS = 4000
MOST_TROUBLES, MOST_TROUBLE = 20, 300
MOST_LATEST = 1024 * 1024
DISK_FULL = 74  # as in packages/scuttlekit/PUB.md
REPORT_SECONDS = 20
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Doubt(Exception):
    """It is uncertain what to do, so nothing may be changed."""


def wanted(pillar):
    """`butt` of the pillar, if there is no doubt about it."""
    butt = pillar.get("butt")
    if not isinstance(butt, dict) or butt.get("schema") != SCHEMA or butt.get("complete") is not True:
        raise Doubt("there is no complete pillar")
    if butt.get("agent") != __opts__["id"]:
        raise Doubt("this is the pillar of another machine")
    bots, deleted = butt["bots"], butt["deleted"]
    if not all(_UUID.fullmatch(bot_id) for bot_id in [*bots, *deleted]):
        raise Doubt("the pillar names something that is not a bot")
    if bots.keys() & set(deleted):
        raise Doubt("a bot should both run and be removed")
    return butt


def states(pillar):
    """The states that this machine needs to apply, and always the report."""
    butt = wanted(pillar)
    bots, deleted, found = butt["bots"], butt["deleted"], __salt__["butt_engine.containers"]()[0]
    made = {}
    starting = {}
    _watch_disk(bots, found)
    for bot_id, bot in bots.items():
        container = found.get(bot_id)
        runs = bool(container) and _runs(container)
        if bot["run"] and container and __salt__["butt_disk.why"](bot_id, bot):
            if runs:
                made[f"stop {bot_id}"] = {"butt.stopped": [{"name": bot_id}]}
        elif bot["run"] and _is_full(bot_id, bot, container):
            made[f"make room {bot_id}"] = {"butt.out_of_room": [{"name": bot_id}]}
        elif bot["run"] and not (container and _is_wanted(bot_id, bot, container)):
            starting[bot_id] = bot
        elif bot["run"] and not bot["on_trial"] and __salt__["butt_engine.is_on_trial"](bot_id):
            made[f"prove {bot_id}"] = {"butt.proven": [{"name": bot_id}, {"release": bot["release"]}]}
        elif not bot["run"] and runs:
            made[f"stop {bot_id}"] = {"butt.stopped": [{"name": bot_id}]}
    for bot_id in [bot_id for bot_id in deleted if bot_id in found or _is_there(bot_id)][:MOST_GONE]:
        made[f"remove {bot_id}"] = {"butt.gone": [{"name": bot_id}]}
    if starting or (bots and not __salt__["butt_fence.stands"]()):
        # Bots that Docker started by itself must be fenced as well.
        made["fence"] = {"butt.fenced": []}
    for bot_id, bot in starting.items():
        image = __salt__["butt_images.name_of"](bot)
        made[f"image {image}"] = {"butt.image": [{"name": image}, {"bot": bot}]}
        needs = [{"butt": "fence"}, {"butt": f"image {image}"}]
        made[f"run {bot_id}"] = {"butt.running": [{"name": bot_id}, {"bot": bot}, {"require": needs}]}
    return {**made, "report": {"butt.reported": [{"order": "last"}]}}


def _watch_disk(bots, found):
    """A problem with one disk does not keep a machine from its orders."""
    places = {
        bot_id: _data(container) for bot_id, container in found.items() if bot_id in bots and _runs(container)
    }
    try:
        __salt__["butt_disk.look"](bots, {bot_id: data for bot_id, data in places.items() if data})
    except OSError:
        logging.getLogger(__name__).exception("what bots use of the disk is not measured")


def _runs(container):
    return __salt__["butt_engine.runs"](container)


def _is_wanted(bot_id, bot, container):
    return __salt__["butt_engine.runs"](container) and __salt__["butt_engine.is_as_made"](
        bot_id, bot, container
    )


def _is_full(bot_id, bot, container):
    """Whether this very launch, on trial, filled the disk: it waits for a decision about it."""
    if not (bot["on_trial"] and container and _launch(container) == bot["launch"]):
        return False
    data = _data(container)
    return data is not None and butt_trial.is_full(Path(data))


def _launch(container):
    return int(container["Config"]["Labels"].get("butt.launch") or 0)


def _is_there(bot_id):
    return __salt__["butt_engine.has_volume"](bot_id)


def report(pillar=None, wait=0, troubles=()):
    """Report to the private server how this machine and its bots are. Returns the report.

    `wait` is how many seconds bots that have just started get to make their identity; `troubles` are why the machine could not
    carry out its orders.
    """
    deadline = time.monotonic() + wait
    _keep_in_vault(__pillar__ if pillar is None else pillar)
    while True:
        said = seen(__pillar__ if pillar is None else pillar)
        missing = [
            bot
            for bot in said["bots"].values()
            if bot["running"] and bot["ssbId"] is None and not bot["words"]
        ]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if troubles:
        # Left out if there are none: an older private server does not know the field.
        said["troubles"] = [text.strip().splitlines()[-1][:MOST_TROUBLE] for text in troubles][:MOST_TROUBLES]
    __salt__["butt_engine.keep_server"]((__pillar__ if pillar is None else pillar)["butt"].get("server"))
    _post(said)
    return said


def _keep_in_vault(pillar):
    """A problem with the vault does not keep a machine from reporting."""
    try:
        __salt__["butt_vault.keep"](pillar)
    except Exception:
        logging.getLogger(__name__).exception("what bots keep is not sent to the vault")


def seen(pillar):
    """The report; `done` says whether the pillar has been carried out in full."""
    butt = wanted(pillar)
    found, others = __salt__["butt_engine.containers"]()
    left = [bot_id for bot_id in butt["deleted"] if bot_id in found or _is_there(bot_id)]
    done = not left
    for bot_id, bot in butt["bots"].items():
        container = found.get(bot_id)
        running = bool(container) and __salt__["butt_engine.runs"](container)
        if not bot["run"]:
            done = done and not running
        elif not _is_full(bot_id, bot, container) and not (
            container and __salt__["butt_disk.why"](bot_id, bot)
        ):
            done = done and bool(container) and _is_wanted(bot_id, bot, container)
    bots = {bot_id: _seen(container, butt["bots"].get(bot_id)) for bot_id, container in found.items()}
    _bound(bots.values())
    strangers = [row["Names"][0].lstrip("/")[:200] for row in others]
    ours = found.keys() | set(__salt__["butt_engine.volumes"]())
    strangers += [f"butt-{bot_id}" for bot_id in sorted(ours - butt["bots"].keys() - set(left))]
    return {
        "schema": SCHEMA,
        "complete": True,
        "generation": butt["generation"],
        "done": done,
        "bots": bots,
        "gone": [bot_id for bot_id in butt["deleted"] if bot_id not in left],
        "strangers": strangers[:1000],
        "facts": __salt__["butt_facts.facts"](found.values()),
    }


def _seen(container, bot):
    state = container["State"]
    up = state["Status"] in ("running", "paused")
    full = bool(bot) and bot["run"] and _is_full(container["Config"]["Labels"]["butt.bot"], bot, container)
    bot_id = container["Config"]["Labels"]["butt.bot"]
    stopped = __salt__["butt_disk.why"](bot_id, bot) if bot and bot["run"] and not up else None
    latest = "" if up or not bot else _latest(container, bot)
    return {
        # Left out if there is none: an older private server does not know the fields.
        **({"latest": latest} if latest else {}),
        **({"diskStop": stopped} if stopped else {}),
        # A launch for which it has no disk left was ordered, and is answered.
        "launch": bot["launch"] if stopped else _launch(container),
        "running": __salt__["butt_engine.runs"](container),
        "exitCode": DISK_FULL if full or stopped else None if up else state["ExitCode"],
        "error": "The disk is full." if full else str(state.get("Error") or "")[:MOST_WORDS],
        "words": "" if up else _tail(container["Id"], MOST_WORDS),
        "startedAt": _time(state["StartedAt"]),
        "restarts": container["RestartCount"],
        "outOfMemory": bool(state["OOMKilled"]),
        "ssbId": _identity(container),
    }


def _latest(container, bot):
    """The last message of a bot that has ended, if it noted one that was not reported yet. None for code on trial."""
    data, ssb_id = _data(container), _identity(container)
    if not (data and ssb_id) or butt_trial.is_on(Path(data)):
        return ""
    if noted_sequence(data) <= bot.get("sequence", 0):
        return ""
    return newest_message(data, ssb_id)[1].decode(errors="replace")


def _bound(number):
    """Long messages of many bots must not make the report longer than the server accepts."""
    room = MOST_LATEST
    for seen in number:
        room -= len(seen.get("latest", ""))
        if room < 0:
            seen.pop("latest", None)


def _data(container):
    """The folder of the bot's data."""
    found = [mount["Source"] for mount in container["Mounts"] if mount["Destination"] == "/data"]
    return found[0] if found else None


def _time(text):
    """Docker's times have nanoseconds; a time that never was is given as the year 1."""
    if text.startswith("0001"):
        return None
    whole, _, rest = text.rstrip("Z").partition(".")
    return f"{whole}.{(rest + '000000')[:6]}Z"


def _identity(container):
    """The public half of the key that the bot made."""
    data = _data(container)
    return named_id(data) if data else None


def log(bot_id, size):
    """The last `size` bytes of the bot's own log, also across a change of its container."""
    size = int(size)
    container = __salt__["butt_engine.containers"]()[0].get(bot_id)
    text = _tail(container["Id"], size) if container else ""
    missing = size - len(text.encode())
    return (__salt__["butt_engine.earlier_log"](bot_id, missing) + text) if missing > 0 else text


def _tail(container, size):
    return __salt__["butt_engine.tail"](container, size)


def stop_all():
    """End every bot of this machine; the orders for them stay as they are."""
    for bot_id, container in __salt__["butt_engine.containers"]()[0].items():
        if __salt__["butt_engine.runs"](container):
            __salt__["butt_engine.stop"](bot_id)
    return True


def _post(said):
    url, headers = __salt__["butt_engine.report_to"]()
    headers["Content-Type"] = "application/json"
    request = urllib.request.Request(f"{url}/report", json.dumps(said).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=REPORT_SECONDS):  # nosec B310 # our own control plane
        pass
