"""Bots as containers of a Docker Engine: making them as ordered, and reading how they are.

A bot's container and volume are both named `butt-ID`. One of its labels is a digest of everything the container was made from,
so that an ordered bot can be compared with a running one without making anything.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

import butt_trial

from scuttlekit.files import write_whole

try:
    import docker
    import docker.errors
    import docker.types

    HAS_DOCKER = True
except ImportError:
    HAS_DOCKER = False

NETWORK, BRIDGE = "butt", "butt0"
EVERYWHERE = "0.0.0.0"  # nosec B104 # within the container
SCRATCH = "/tmp"  # nosec B108 # the container's own
USER = "10001:10001"
MEMORY = 400 * 1024 * 1024
CPUS = 1.0
PROCESSES = 64
STOP_SECONDS = 10
SECONDS = 120
LOG_KEPT = 256 * 1024
"""Bytes of the log of earlier containers that are kept."""

READ_BY_BOTS = 0o644
"""The mode of a file that is readable for the bot's container, which runs as another user."""


def __virtual__():
    if HAS_DOCKER:
        return True
    return False, "the Python package docker is missing: salt-pip install docker"


def settings():
    """`butt` of the minion's own configuration, with defaults."""
    given = __opts__.get("butt") or {}
    found = {
        "docker": "unix:///var/run/docker.sock",
        "home": "/var/lib/butt",
        "dns": [],
        "report": None,
        **given,
    }
    if found["report"] and (server := _kept_server(found["home"])):
        found["report"] = {**found["report"], "url": server}
    return found


def report_to():
    """The private server's URL for this machine, and the header that proves which machine asks."""
    to = settings()["report"]
    with open(to["token_file"]) as file:
        token = file.read().split()[0]
    return f"{to['url'].rstrip('/')}/agents/{__opts__['id']}", {"Authorization": f"Bearer {token}"}


def keep_server(server):
    """Report to this address from now on, even in calls that come without a pillar."""
    home = settings()["home"]
    if server and server != _kept_server(home):
        os.makedirs(home, exist_ok=True)
        write_whole(Path(home, "server"), server)


def _kept_server(home):
    try:
        with open(os.path.join(home, "server")) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def client():
    if "butt.client" not in __context__:
        made = docker.DockerClient(base_url=settings()["docker"], version="auto", timeout=SECONDS)
        __context__["butt.client"] = made
    return __context__["butt.client"]


def name_of(bot_id):
    return f"butt-{bot_id}"


def containers():
    """All containers of this engine, inspected: `(ours, others)`, ours by bot id."""
    api, ours, others = client().api, {}, []
    for row in api.containers(all=True):
        labels = row.get("Labels") or {}
        bot_id = labels.get("butt.bot")
        if bot_id and labels.get("butt.agent") == __opts__["id"] and f"/{name_of(bot_id)}" in row["Names"]:
            try:
                ours[bot_id] = api.inspect_container(row["Id"])
            except docker.errors.NotFound:
                continue
        else:
            others.append(row)
    return ours, others


def digest(bot_id, bot):
    """A digest of everything that this bot's container is made from."""
    return hashlib.sha256(json.dumps(_parts(bot_id, bot), sort_keys=True).encode()).hexdigest()


def is_as_made(bot_id, bot, found):
    """Whether the container is the one that would be made now, and nobody has changed it by hand."""
    if found["Config"]["Labels"].get("butt.config") != digest(bot_id, bot):
        return False
    made, config = found["HostConfig"], found["Config"]
    mounts = {mount["Destination"]: mount.get("Name") or mount.get("Source") for mount in found["Mounts"]}
    return (
        made["Memory"] == _memory(bot)
        and made["NanoCpus"] == int(CPUS * 1e9)
        and made["PidsLimit"] == PROCESSES
        and made["RestartPolicy"]["Name"] == "unless-stopped"
        and made["ReadonlyRootfs"]
        and not made["Privileged"]
        and config["User"] == USER
        and set(found["NetworkSettings"]["Networks"]) == {NETWORK}
        and mounts == {"/data": name_of(bot_id), "/config": _folder(bot_id)}
        and _config_file(bot_id) == _config(bot)
    )


def runs(found):
    """Whether there is a process, or Docker is about to restart it by itself."""
    return found["State"]["Status"] in ("running", "restarting", "paused", "removing")


def run(bot_id, bot):
    """Replace any existing container with the ordered one, and start it. The old one has ended before."""
    for other in containers()[1]:
        mounted = {mount.get("Name") for mount in other.get("Mounts") or []}
        if name_of(bot_id) in mounted and other["State"] in ("running", "restarting", "paused"):
            raise RuntimeError(f"another container, {other['Names'][0]}, runs on the volume of this bot")
    remove(bot_id)
    _write_config(bot_id, bot)
    api, parts = client().api, _parts(bot_id, bot)
    api.create_volume(name_of(bot_id), labels={"butt.bot": bot_id, "butt.agent": __opts__["id"]})
    if bot.get("cargo"):
        __salt__["butt_imports.place"](bot_id, bot.get("anew", ""))
    butt_trial.prepare(volume(bot_id), bot["release"], on_trial=bot["on_trial"])
    host = api.create_host_config(**parts["host"])
    labels = {
        "butt.bot": bot_id,
        "butt.agent": __opts__["id"],
        "butt.launch": str(bot["launch"]),
        "butt.config": digest(bot_id, bot),
    }
    made = api.create_container(name=name_of(bot_id), host_config=host, labels=labels, **parts["container"])
    api.start(made["Id"])


def start(bot_id):
    """Start the container as it is."""
    client().api.start(name_of(bot_id))


def stop(bot_id):
    """End the bot, and keep its container and its data."""
    try:
        client().api.stop(name_of(bot_id), timeout=STOP_SECONDS)
    except docker.errors.NotFound:
        pass


def remove(bot_id):
    """End the bot and remove its container; its data and the end of its log stay."""
    stop(bot_id)
    _keep_log(bot_id)
    try:
        client().api.remove_container(name_of(bot_id), force=True)
    except docker.errors.NotFound:
        pass


def destroy(bot_id):
    """Remove the bot with all its data for good."""
    remove(bot_id)
    try:
        client().api.remove_volume(name_of(bot_id), force=True)
    except docker.errors.NotFound:
        pass
    shutil.rmtree(_folder(bot_id), ignore_errors=True)


def has_volume(bot_id):
    return volume(bot_id) is not None


def volume(bot_id):
    """The folder that holds the bot's data, or None."""
    try:
        return Path(client().api.inspect_volume(name_of(bot_id))["Mountpoint"])
    except docker.errors.NotFound:
        return None


def is_on_trial(bot_id):
    """Whether a trial of the bot's code has begun and not ended."""
    data = volume(bot_id)
    return data is not None and butt_trial.is_on(data)


def volumes():
    """The ids of the bots whose volumes are on this engine, running or not."""
    found = client().api.volumes(filters={"label": f"butt.agent={__opts__['id']}"})["Volumes"] or []
    return [
        made["Labels"]["butt.bot"]
        for made in found
        if made["Name"] == name_of(made["Labels"].get("butt.bot"))
    ]


def tail(container, size):
    """The last `size` bytes of a container's output."""
    lines = client().api.logs(container, tail=max(10, size // 100))
    return lines[-size:].decode(errors="replace")[-size:]


def earlier_log(bot_id, size):
    """The end of the output of the bot's earlier containers."""
    try:
        with open(os.path.join(_folder(bot_id), "earlier.log"), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def _keep_log(bot_id):
    try:
        text = tail(name_of(bot_id), LOG_KEPT)
    except docker.errors.APIError:
        return
    if text:
        earlier = earlier_log(bot_id, max(0, LOG_KEPT - len(text.encode())))
        _make_folder(bot_id)
        write_whole(Path(_folder(bot_id), "earlier.log"), earlier + text)


def make_network():
    """The bots' own bridge, on which they cannot reach each other."""
    try:
        client().api.inspect_network(NETWORK)
    except docker.errors.NotFound:
        options = {
            "com.docker.network.bridge.name": BRIDGE,
            "com.docker.network.bridge.enable_icc": "false",
        }
        client().api.create_network(NETWORK, driver="bridge", options=options, check_duplicate=True)


def has_network():
    return any(network["Name"] == NETWORK for network in client().api.networks(names=[NETWORK]))


def _parts(bot_id, bot):
    port = bot["port"]
    listen = "" if bot["bind"] in ("::", EVERYWHERE) else bot["bind"]
    return {
        "agent": __opts__["id"],
        "config": _config(bot),
        "container": {
            "image": __salt__["butt_images.name_of"](bot),
            "command": ["/config/config.json"],
            "user": USER,
            "ports": [port],
            "hostname": "pub",
            "stop_timeout": STOP_SECONDS,
        },
        "host": {
            "binds": [f"{name_of(bot_id)}:/data", f"{_folder(bot_id)}:/config:ro"],
            "port_bindings": {port: (listen, port) if listen else port},
            "network_mode": NETWORK,
            "restart_policy": {"Name": "unless-stopped"},
            "read_only": True,
            "tmpfs": {SCRATCH: "rw,noexec,nosuid,nodev,size=16m"},
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "mem_limit": _memory(bot),
            "memswap_limit": _memory(bot),
            "nano_cpus": int(CPUS * 1e9),
            "pids_limit": PROCESSES,
            "init": True,
            "dns": settings()["dns"],
            "log_config": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "4"}},
        },
    }


def _write_config(bot_id, bot):
    _make_folder(bot_id)
    write_whole(Path(_folder(bot_id), "config.json"), _config(bot), mode=READ_BY_BOTS, lasting=True)


def _config(bot):
    return json.dumps({**bot["config"], "path": "/data", "host": EVERYWHERE}, sort_keys=True)


def _memory(bot):
    return bot.get("memory") or MEMORY


def _folder(bot_id):
    return os.path.join(settings()["home"], "bots", bot_id)


def _make_folder(bot_id):
    """Readable for the bot, whatever our umask is."""
    os.makedirs(_folder(bot_id), exist_ok=True)
    os.chmod(_folder(bot_id), 0o755)  # nosec B103 # the bot is another user


def _config_file(bot_id):
    try:
        with open(os.path.join(_folder(bot_id), "config.json")) as file:
            return file.read()
    except OSError:
        return None
