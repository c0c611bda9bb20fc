"""The document that a new machine boots with: Docker, a Salt minion with its key, and the volume mounted."""

import json
import shlex
from dataclasses import dataclass

DATA = "/var/lib/butt"
"""Where the volume is mounted. Nothing of a bot lies elsewhere."""

MOUNT = f"""#!/bin/sh
# Mounts the data volume. A file system is only made where there is none at all.
set -eu
device="$1"
mountpoint -q {DATA} && exit 0
for _ in $(seq 120); do [ -b "$device" ] && break; sleep 1; done
[ -b "$device" ]
if ! blkid -p "$device" >/dev/null 2>&1; then
    # 2 says: looked, and found nothing. Anything else may be a volume that cannot be read now.
    blkid -p "$device" >/dev/null 2>&1 || [ $? -eq 2 ]
    mkfs.ext4 -q -L butt "$device"
fi
mkdir -p {DATA}
grep -q "^$device " /etc/fstab || echo "$device {DATA} ext4 defaults,nofail,x-systemd.growfs 0 2" >>/etc/fstab
mount {DATA}
resize2fs "$device" >/dev/null 2>&1 || true
"""

HOLD = f"""#!/bin/sh
# No bot starts from what an earlier machine left on the volume before this one has heard how far its feed has come: the
# volume may have been made from a snapshot, and an old log that speaks forks its feed for ever.
set -eu
for file in {DATA}/docker/containers/*/hostconfig.json; do
    [ -e "$file" ] || continue
    sed -i 's/"RestartPolicy":{{"Name":"[a-z-]*"/"RestartPolicy":{{"Name":"no"/' "$file"
done
"""

SETUP = """#!/bin/sh
# Docker and the Salt minion; what is there already stays.
set -eu
export DEBIAN_FRONTEND=noninteractive
if ! command -v dockerd >/dev/null; then
    apt-get update -q && apt-get install -q -y --no-install-recommends docker.io
fi
if ! command -v salt-minion >/dev/null; then
    apt-get update -q && apt-get install -q -y --no-install-recommends curl ca-certificates
    install -d /etc/apt/keyrings
    curl -fsSL https://packages.broadcom.com/artifactory/api/security/keypair/SaltProjectKey/public \\
        -o /etc/apt/keyrings/salt.asc
    echo "deb [signed-by=/etc/apt/keyrings/salt.asc] https://packages.broadcom.com/artifactory/saltproject-deb stable main" \\
        >/etc/apt/sources.list.d/salt.list
    apt-get update -q && apt-get install -q -y --no-install-recommends "salt-minion=3008.*"
    salt-pip install -q "docker>=7.1,<8"
fi
"""

GROW = """[Unit]
Description=The file system of the bots' volume is as big as the volume

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

ENGINE = f'{{"data-root": "{DATA}/docker"}}'
"""Docker keeps the bots' data, too, on the volume and nowhere else."""


NEEDS = f"""[Unit]
# After a restart too: a bot that finds its folder empty would be another bot.
RequiresMountsFor={DATA}
"""

FENCE = f"""[Service]
# Docker starts bots by itself when the machine boots: their fence, which also keeps them from the metadata address with
# this very document, has to stand before. The machine before this one may have left it on the volume.
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


def document(minion: Minion, device: str) -> bytes:
    """The cloud-init document. `device` is the path of the volume that bots' data lies on.

    It holds the minion's private key: it is a secret. JSON is YAML too.
    """
    device = shlex.quote(device)
    pki = "/etc/salt/pki/minion"
    files = [
        _file("/usr/local/sbin/butt-mount", MOUNT, "0755"),
        _file("/usr/local/sbin/butt-hold", HOLD, "0755"),
        _file("/usr/local/sbin/butt-setup", SETUP, "0755"),
        _file("/etc/docker/daemon.json", ENGINE, "0644"),
        _file("/etc/systemd/system/butt-grow.service", GROW.format(device=device), "0644"),
        _file("/etc/systemd/system/butt-grow.timer", GROW_OFTEN, "0644"),
        _file("/etc/systemd/system/docker.service.d/butt.conf", NEEDS + FENCE, "0644"),
        _file("/etc/systemd/system/salt-minion.service.d/butt.conf", NEEDS, "0644"),
        _file("/etc/salt/minion.d/butt.conf", minion.config, "0644"),
        _file(f"{pki}/minion.pem", minion.private_key, "0400"),
        _file(f"{pki}/minion.pub", minion.public_key, "0644"),
    ]
    if minion.master_key:
        files.append(_file(f"{pki}/minion_master.pub", minion.master_key, "0644"))
    if minion.token:
        files.append(_file("/etc/butt/token", minion.token, "0600"))
    steps = [
        f"/usr/local/sbin/butt-mount {device}",
        "/usr/local/sbin/butt-hold",
        "systemctl daemon-reload",
        "/usr/local/sbin/butt-setup",
        "systemctl enable --now butt-grow.timer",
        "systemctl restart docker salt-minion",
    ]
    config = {
        "ssh_pwauth": False,
        "disable_root": True,
        "write_files": files,
        # One line, so that a machine without its volume never starts a bot.
        "runcmd": [["sh", "-c", " && ".join(steps)]],
    }
    return b"#cloud-config\n" + json.dumps(config, indent=1).encode()


def _file(path: str, content: str, permissions: str) -> dict[str, str]:
    return {"path": path, "content": content, "permissions": permissions, "owner": "root:root"}
