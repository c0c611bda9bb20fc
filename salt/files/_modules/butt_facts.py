"""How the machine itself is."""

import os
import shutil
import time


def facts(containers):
    """Sizes in bytes. `containers` are the bots' own, inspected."""
    containers = list(containers)
    info = __salt__["butt_engine.client"]().version()
    disk = shutil.disk_usage(_docker_root())
    memory = _memory()
    return {
        "diskFree": disk.free,
        "diskTotal": disk.total,
        "memoryFree": memory.get("MemAvailable"),
        "memoryTotal": memory.get("MemTotal"),
        "load": os.getloadavg()[0],
        "docker": info["Version"][:100],
        "outOfMemoryKills": _kills(),
        "restarts": sum(container["RestartCount"] for container in containers),
        "bootedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(_booted())),
    }


def _docker_root():
    if "butt.root" not in __context__:
        __context__["butt.root"] = __salt__["butt_engine.client"]().info()["DockerRootDir"]
    return __context__["butt.root"]


def _memory():
    with open("/proc/meminfo") as file:
        rows = [line.split() for line in file]
    return {row[0].rstrip(":"): int(row[1]) * 1024 for row in rows if len(row) > 1}


def _kills():
    """How often the kernel killed a process for lack of memory since the machine booted."""
    with open("/proc/vmstat") as file:
        rows = dict(line.split() for line in file)
    return int(rows.get("oom_kill", 0))


def _booted():
    with open("/proc/stat") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("btime "))
