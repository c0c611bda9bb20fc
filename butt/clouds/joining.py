"""An existing Debian machine becomes one that bots run on, by the same steps as a rented one."""

from butt.clouds.cloud_init import BOOT_ON_ITS_DISK, FENCE, File, Minion, begin, identity, programs
from butt.configuration import configuration
from butt.machines import registry
from butt.machines.models import Machine

CHECK = """#!/bin/sh
# Prepares this machine to run bots. It can be run again.
set -eu
say() { echo "butt: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || say "run this as root"
for program in apt-get systemctl base64; do
    command -v "$program" >/dev/null || say "$program is missing: this needs Debian with systemd"
done
if [ -e /etc/salt/pki/minion/minion.pem ] && ! grep -qx "id: __ID__" /etc/salt/minion.d/butt.conf 2>/dev/null; then
    say "this machine already belongs to a Salt master: remove /etc/salt/pki/minion and /etc/salt/minion.d first"
fi
"""


def minion_of(machine: Machine) -> Minion:
    """What lets this machine join, from its bundle."""
    bundle = registry.bundle(machine)
    master = bundle / "minion_master.pub"
    return Minion(
        private_key=(bundle / "minion.pem").read_text(),
        public_key=(bundle / "minion.pub").read_text(),
        config=(bundle / "minion.conf").read_text(),
        master_key=master.read_text() if master.exists() else "",
        token=(bundle / "token").read_text(),
        says_to=f"{configuration().private_server}/agents/{machine.minion_id}/boot",
    )


def script(machine: Machine) -> str:
    """The script to run there as root. It holds the machine's private key, so it is a secret."""
    minion = minion_of(machine)
    files = [
        *programs(minion, BOOT_ON_ITS_DISK),
        # Docker starts bots by itself when the machine boots: their firewall must be in place before that.
        File("/etc/systemd/system/docker.service.d/butt.conf", FENCE, "0644"),
        *identity(minion),
    ]
    return f"{CHECK.replace('__ID__', machine.minion_id)}{begin(files)}\n"
