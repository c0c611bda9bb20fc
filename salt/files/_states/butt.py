"""States of bots. Each reports what it changed; with `test=True` it reports what it would change."""

IDENTITY_SECONDS = 10


def fenced(name):
    """Bots can reach neither this machine, nor private networks, nor each other."""
    if __salt__["butt_engine.has_network"]() and __salt__["butt_fence.stands"]():
        return _same(name)
    if __opts__["test"]:
        return _would(name, "the fence is to be built")
    __salt__["butt_engine.make_network"]()
    __salt__["butt_fence.build"]()
    if not __salt__["butt_fence.stands"]():
        return {"name": name, "result": False, "changes": {}, "comment": "The fence is not in place."}
    return _changed(name, {"fence": {"old": "missing", "new": "built"}})


def image(name, bot):
    """The image that a bot runs is on this machine."""
    if __salt__["butt_images.is_here"](bot):
        return _same(name)
    if __opts__["test"]:
        return _would(name, "the image is to be made")
    __salt__["butt_images.make"](bot)
    return _changed(name, {"image": {"old": None, "new": name}})


def running(name, bot):
    """The bot runs exactly as ordered. An earlier container of it has ended before a new one starts."""
    container = __salt__["butt_engine.containers"]()[0].get(name)
    old = _shown(container)
    as_made = bool(container) and __salt__["butt_engine.is_as_made"](name, bot, container)
    if as_made and __salt__["butt_engine.runs"](container):
        return _same(name)
    new = {"launch": bot["launch"], "release": bot["release"], "status": "running"}
    if __opts__["test"]:
        return _would(name, "the bot is to be started", {"bot": {"old": old, "new": new}})
    __salt__["butt_disk.forget"](name)
    if as_made and not container["State"]["Error"] and not bot["on_trial"]:
        __salt__["butt_engine.start"](name)
    else:
        __salt__["butt_engine.run"](name, bot)
    return _changed(name, {"bot": {"old": old, "new": new}})


def stopped(name):
    """The bot does not run; its container and its data stay."""
    container = __salt__["butt_engine.containers"]()[0].get(name)
    if not (container and __salt__["butt_engine.runs"](container)):
        return _same(name)
    if __opts__["test"]:
        return _would(name, "the bot is to be stopped")
    __salt__["butt_engine.stop"](name)
    return _changed(name, {"bot": {"old": _shown(container), "new": {"status": "exited"}}})


def out_of_room(name):
    """Code on trial that filled the disk has ended, and the disk has a little free space again."""
    if __opts__["test"]:
        return _would(name, "the bot is to be stopped")
    __salt__["butt_engine.stop"](name)
    __salt__["butt_trial.give_room"](__salt__["butt_engine.volume"](name))
    return _same(name)


def proven(name, release):
    """The bot's code is no longer on trial."""
    if __opts__["test"]:
        return _would(name, "its trial is to end")
    __salt__["butt_trial.end"](__salt__["butt_engine.volume"](name), release)
    return _changed(name, {"trial": {"old": "on", "new": "over"}})


def gone(name):
    """Nothing is left of the bot: only for one whose id was listed as deleted."""
    if name not in __salt__["butt.wanted"](__pillar__)["deleted"]:
        return {"name": name, "result": False, "changes": {}, "comment": "This bot was not deleted."}
    if __opts__["test"]:
        return _would(name, "the bot is to be removed with its data")
    __salt__["butt_engine.destroy"](name)
    return _changed(name, {"bot": {"old": "there", "new": "gone"}})


def reported(name):
    """The private server knows the present state of everything. `data` holds the same report."""
    if __opts__["test"]:
        return _same(name)
    said = __salt__["butt.report"](__pillar__, wait=IDENTITY_SECONDS, troubles=_troubles())
    running = {bot_id: bot["running"] for bot_id, bot in said["bots"].items()}
    generation = said["generation"] if said["done"] else 0
    return {**_same(name), "data": {"generation": generation, "bots": running, "gone": said["gone"]}}


def _troubles():
    """Why states of this run failed. Over Salt anybody could claim that in this machine's name; the report carries its token."""
    failed = [state for state in __running__.values() if state["result"] is False]
    return [f"{state['__id__']}: {state['comment']}" for state in failed]


def _shown(container):
    if container is None:
        return None
    labels = container["Config"]["Labels"]
    return {"launch": int(labels.get("butt.launch") or 0), "status": container["State"]["Status"]}


def _same(name):
    return {"name": name, "result": True, "changes": {}, "comment": "Nothing needs to change."}


def _changed(name, changes):
    return {"name": name, "result": True, "changes": changes, "comment": "Done."}


def _would(name, comment, changes=None):
    return {"name": name, "result": None, "changes": changes or {}, "comment": comment}
