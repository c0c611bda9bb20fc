"""The document that a new machine boots with: Docker, a Salt minion with its key, and the volume mounted."""

import base64
import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

DATA = "/var/lib/butt"
"""Where the volume is mounted. No data of a bot is anywhere else."""

STATE = "/var/lib/butt-boot"
"""On the root disk: where a machine notes how far its first boot has come."""

PROGRAMS = "/usr/local/sbin"

APT = "install -q -y --no-install-recommends -o DPkg::Lock::Timeout=120"
"""Debian's own timers may be using apt at the same time."""

MOUNT = f"""#!/bin/sh
# Mounts the data volume. A file system is only made if there is none at all, or if making it was interrupted.
set -eu
device="$1"
mountpoint -q {DATA} && exit 0
for _ in $(seq 120); do [ -b "$device" ] && break; sleep 1; done
[ -b "$device" ]
if ! blkid -p "$device" >/dev/null 2>&1; then
    # 2 means that blkid found nothing. Anything else may be a volume that cannot be read now.
    blkid -p "$device" >/dev/null 2>&1 || [ $? -eq 2 ]
    make=yes
elif [ "$(blkid -p -s LABEL -o value "$device")" = butt-new ]; then
    make=yes
fi
if [ "${{make:-}}" ]; then
    mkfs.ext4 -q -F -L butt-new "$device"
    sync
    e2label "$device" butt
fi
mkdir -p {DATA}
grep -q "^$device " /etc/fstab || echo "$device {DATA} ext4 defaults,nofail,x-systemd.growfs 0 2" >>/etc/fstab
mount {DATA}
resize2fs "$device" >/dev/null 2>&1 || true
"""

HOLD = f"""#!/bin/sh
# A bot on an earlier machine's volume does not start until this machine has heard how far the bot's feed has come: the
# volume may come from a snapshot, and publishing from an old log forks the feed for ever. Once for each machine:
# later on, Docker restarts what it ran.
set -eu
[ -e {STATE}/held ] && exit 0
for file in {DATA}/docker/containers/*/hostconfig.json; do
    [ -e "$file" ] || continue
    sed -i 's/"RestartPolicy":{{"Name":"[a-z-]*"/"RestartPolicy":{{"Name":"no"/' "$file"
done
sync
touch {STATE}/held
"""

DOCKER = f"""#!/bin/sh
# Installs Docker, unless the image has it. Finishes an installation that a power cut interrupted.
set -eu
export DEBIAN_FRONTEND=noninteractive
[ -e {STATE}/docker ] && exit 0
if [ -e {STATE}/docker-begun ] || ! command -v dockerd >/dev/null; then
    touch {STATE}/docker-begun
    # This fails while packages are missing that should have followed; apt then continues.
    dpkg --configure -a || true
    apt-get update -q
    apt-get {APT} --fix-broken
    apt-get {APT} docker.io iptables
    sync
fi
touch {STATE}/docker
"""

SALT = f"""#!/bin/sh
# Installs the Salt minion, unless the image has it. Finishes an installation that a power cut interrupted.
set -eu
export DEBIAN_FRONTEND=noninteractive
[ -e {STATE}/salt ] && exit 0
if [ -e {STATE}/salt-begun ] || ! command -v salt-minion >/dev/null; then
    touch {STATE}/salt-begun
    dpkg --configure -a || true
    apt-get update -q
    apt-get {APT} --fix-broken
    apt-get {APT} curl ca-certificates
    install -d /etc/apt/keyrings
    curl -fsSL --max-time 60 https://packages.broadcom.com/artifactory/api/security/keypair/SaltProjectKey/public \\
        -o /etc/apt/keyrings/salt.asc
    echo "deb [signed-by=/etc/apt/keyrings/salt.asc] https://packages.broadcom.com/artifactory/saltproject-deb stable main" \\
        >/etc/apt/sources.list.d/salt.list
    apt-get update -q
    apt-get {APT} "salt-minion=3008.*"
    salt-pip install -q "docker>=7.1,<8"
    sync
fi
touch {STATE}/salt
"""

STEPS = 6
"""Steps of a boot, as the machine reports them."""

_BOOT = """#!/bin/sh
# Prepares this machine to run bots. Runs at each boot: steps that are done take no time, and steps that a power cut
# interrupted continue. Each step has a time limit. If a step fails, systemd starts this again.
set -eu
mkdir -p /var/lib/butt-boot
step() {
    number="$1" what="$2" seconds="$3"
    shift 3
    butt-say "$number" "$what" || true
    timeout -k 10 "$seconds" "$@" || {
        butt-say "$number" "$what" "this failed or took too long, and will be tried again" || true
        exit 1
    }
}
__VOLUME__step 3 "installing Docker" 600 butt-docker
step 4 "installing Salt" 600 butt-salt
systemctl daemon-reload
if [ ! -e /var/lib/butt-boot/ready ]; then
    step 5 "starting Docker and Salt" 180 systemctl restart docker salt-minion
    systemctl enable docker salt-minion
    __GROWS__
    touch /var/lib/butt-boot/ready
    sync
fi
butt-say 6 "waiting for its first orders" || true
"""

_VOLUME = """step 1 "looking for its volume" 180 butt-mount __DEVICE__
step 2 "holding back bots that an earlier machine left" 60 butt-hold
"""
BOOT = _BOOT.replace("__VOLUME__", _VOLUME).replace("__GROWS__", "systemctl enable --now butt-grow.timer")
BOOT_ON_ITS_DISK = _BOOT.replace("__VOLUME__", "").replace("    __GROWS__\n", "")
"""For a machine that exists already: the bots' data is wherever Docker keeps it."""

BOOT_UNIT = """[Unit]
Description=Prepare this machine to run bots
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/butt-boot
Environment=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TimeoutStartSec=1800
Restart=on-failure
RestartSec=10

[Install]
WantedBy=multi-user.target
"""

SAY = """#!/usr/bin/python3
# Reports how far this machine's boot has come: butt-say NUMBER WHAT [TROUBLE].
import json, sys, urllib.request

number, what, trouble = (sys.argv[1:] + [""])[:3]
said = json.dumps({"step": int(number), "what": what, "trouble": trouble}).encode()
token = open("/etc/butt/token").read().strip()
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
request = urllib.request.Request(__URL__, said, headers, method="POST")
urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5)
"""

GROW = """[Unit]
Description=Grow the file system of the bots' volume

[Service]
Type=oneshot
ExecStart=/sbin/resize2fs {device}
"""

GROW_OFTEN = """[Timer]
OnBootSec=60
OnUnitActiveSec=60

[Install]
WantedBy=timers.target
"""

PUT = """put() {
    mkdir -p "$(dirname "$1")"
    (umask 077; printf %s "$3" | base64 -d >"$1.new")
    chmod "$2" "$1.new"
    mv "$1.new" "$1"
}"""

ENGINE = f'{{"data-root": "{DATA}/docker", "storage-driver": "overlay2"}}'
"""Docker keeps all data, including the bots', on the volume. It chooses a storage driver on its first start.
If the power is cut then, it finds traces of two drivers and never starts again, unless one is named.
"""


NEEDS = f"""[Unit]
# After a restart too: a bot that finds its folder empty would become another bot, and a bot that starts on what an earlier
# machine left, before it was held, may publish from an old log.
RequiresMountsFor={DATA}
ConditionPathExists=/var/lib/butt-boot/held
"""

FENCE = f"""[Service]
# Docker starts bots by itself when the machine boots, so their firewall, which also blocks the metadata address with
# this document, must be in place first. The previous machine may have left it on the volume.
ExecStartPre=-/usr/sbin/iptables-restore --noflush {DATA}/fence.rules
"""


@dataclass(frozen=True)
class Minion:
    """What lets a machine join: its key pair and its master's public key (PEM), its configuration, its token."""

    private_key: str
    public_key: str
    config: str
    master_key: str = ""
    token: str = ""
    says_to: str = ""
    """The URL to which the machine reports how far its boot has come."""


def document(minion: Minion, device: str) -> bytes:
    """The cloud-init document. `device` is the path of the volume that holds the bots' data.

    It holds the minion's private key, so it is a secret. JSON is valid YAML.
    """
    device = shlex.quote(device)
    files = [
        File(f"{PROGRAMS}/butt-mount", MOUNT, "0755"),
        File(f"{PROGRAMS}/butt-hold", HOLD, "0755"),
        *programs(minion, BOOT.replace("__DEVICE__", device)),
        File("/etc/docker/daemon.json", ENGINE, "0644"),
        File("/etc/systemd/system/butt-grow.service", GROW.format(device=device), "0644"),
        File("/etc/systemd/system/butt-grow.timer", GROW_OFTEN, "0644"),
        File("/etc/systemd/system/docker.service.d/butt.conf", NEEDS + FENCE, "0644"),
        File("/etc/systemd/system/salt-minion.service.d/butt.conf", NEEDS, "0644"),
        *identity(minion),
    ]
    config = {
        "ssh_pwauth": False,
        "disable_root": True,
        # Runs at every boot: everything else runs at the first boot only, even if the power was cut during it.
        "bootcmd": [begin(files)],
    }
    return b"#cloud-config\n" + json.dumps(config, indent=1).encode()


def programs(minion: Minion, boot: str) -> list["File"]:
    """The files that install Docker and the minion, and report the progress."""
    return [
        File(f"{PROGRAMS}/butt-docker", DOCKER, "0755"),
        File(f"{PROGRAMS}/butt-salt", SALT, "0755"),
        File(f"{PROGRAMS}/butt-say", SAY.replace("__URL__", repr(minion.says_to)), "0755"),
        File(f"{PROGRAMS}/butt-boot", boot, "0755"),
        File("/etc/systemd/system/butt-boot.service", BOOT_UNIT, "0644"),
    ]


def identity(minion: Minion) -> list["File"]:
    """The files that let the machine join."""
    pki = "/etc/salt/pki/minion"
    files = [
        File("/etc/salt/minion.d/butt.conf", minion.config, "0644"),
        File(f"{pki}/minion.pem", minion.private_key, "0400"),
        File(f"{pki}/minion.pub", minion.public_key, "0644"),
    ]
    if minion.master_key:
        files.append(File(f"{pki}/minion_master.pub", minion.master_key, "0644"))
    if minion.token:
        files.append(File("/etc/butt/token", minion.token, "0600"))
    return files


@dataclass(frozen=True)
class File:
    path: str
    content: str
    permissions: str


def begin(files: Iterable[File]) -> str:
    """The commands that put the files in place, each whole or not at all, and have systemd continue."""
    lines = ["set -eu", PUT]
    for file in files:
        content = base64.b64encode(file.content.encode()).decode()
        lines.append(f"put {shlex.quote(file.path)} {file.permissions} {content}")
    lines += [
        "sync",
        "systemctl daemon-reload",
        "systemctl enable butt-boot.service",
        "systemctl start --no-block butt-boot.service",
    ]
    return "\n".join(lines)
