"""What a bot may not reach: the machine itself, its metadata address, private networks, and so other people's bots.

A pub connects to whatever its followers announce. It has a fence of its own, which this one does not rely on.
"""

import ipaddress
import subprocess
from pathlib import Path

from scuttlekit.files import write_whole

CHAIN = "BUTT-FENCE"
FROM = ("DOCKER-USER", "INPUT")
BRIDGE = "butt0"
RANGES = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
SECONDS = 20


def stands():
    """Whether all rules are in place, first in the chain, and saved for the next boot."""
    listed = _iptables("-S", check=False)
    rules = [line for line in listed if line.startswith(f"-A {CHAIN} ")]
    firsts = [next((line for line in listed if line.startswith(f"-A {chain} ")), "") for chain in FROM]
    return rules == _rules() and firsts == [_jump(chain) for chain in FROM] and _kept() == _at_boot()


def build():
    """Put the rules in place, whatever rules exist now; in one step, so that there is never half a fence."""
    _restore(["*filter", f":{CHAIN} - [0:0]", f"-F {CHAIN}", *_rules(), "COMMIT"])
    _iptables("-N", "DOCKER-USER", check=False)
    for chain in FROM:
        jump = _jump(chain).split()[1:]
        while not _failed("-D", *jump):
            pass
        _iptables("-I", *jump)
    _path().parent.mkdir(parents=True, exist_ok=True)
    write_whole(_path(), _at_boot(), lasting=True)


def _at_boot():
    """Input for `iptables-restore --noflush` before Docker starts, because Docker then starts bots without asking anybody."""
    jumps = [_jump(chain).replace("-A", "-I", 1) for chain in FROM]
    return "\n".join(
        ["*filter", f":{CHAIN} - [0:0]", ":DOCKER-USER - [0:0]", *_rules(), *jumps, "COMMIT", ""]
    )


def _path():
    return Path(__salt__["butt_engine.settings"]()["home"], "fence.rules")


def _kept():
    try:
        return _path().read_text()
    except OSError:
        return None


def _restore(lines):
    subprocess.run(
        ["iptables-restore", "--noflush", "--wait", "10"],
        input="\n".join([*lines, ""]),
        text=True,
        check=True,
        timeout=SECONDS,
        capture_output=True,
    )


def _jump(chain):
    return f"-A {chain} -i {BRIDGE} -j {CHAIN}"


def _rules():
    rules = [f"-A {CHAIN} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"]
    for server in _resolvers():
        rules += [
            f"-A {CHAIN} -d {server}/32 -p {kind} -m {kind} --dport 53 -j RETURN" for kind in ("udp", "tcp")
        ]
    # Packets for the machine itself, at any of its addresses.
    rules.append(f"-A {CHAIN} -m addrtype --dst-type LOCAL -j REJECT --reject-with icmp-admin-prohibited")
    rules += [f"-A {CHAIN} -d {net} -j REJECT --reject-with icmp-admin-prohibited" for net in RANGES]
    return [*rules, f"-A {CHAIN} -o {BRIDGE} -j REJECT --reject-with icmp-admin-prohibited"]


def _resolvers():
    """The machine's name servers inside the fence: bots may send them DNS queries, and nothing else."""
    found = []
    try:
        with open("/etc/resolv.conf") as file:
            words = [line.split() for line in file]
    except OSError:
        return found
    for word in words:
        if len(word) > 1 and word[0] == "nameserver":
            try:
                address = ipaddress.IPv4Address(word[1])
            except ValueError:
                continue
            if not address.is_loopback and any(address in ipaddress.ip_network(net) for net in RANGES):
                found.append(str(address))
    return found


def _iptables(*arguments, check=True):
    command = ["iptables", "--wait", "10", *arguments]
    done = subprocess.run(command, text=True, check=check, timeout=SECONDS, capture_output=True)
    return done.stdout.splitlines()


def _failed(*arguments):
    command = ["iptables", "--wait", "10", *arguments]
    return subprocess.run(command, check=False, timeout=SECONDS, capture_output=True).returncode != 0
