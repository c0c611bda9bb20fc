"""Provide the programs on this machine that the tests drive: installs them if we may, names the missing ones if not."""

import os
import shutil
import subprocess
import sys

PACKAGES = {
    "chromium": "chromium",
    "chromium-headless-shell": "chromium-headless-shell",
    "caddy": "caddy",
    "docker-compose": "docker-compose",
    "promtool": "prometheus",
    "ssh-keygen": "openssh-client",
    "wget": "wget",
    "/usr/sbin/dockerd": "docker.io",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/ip": "iproute2",
    "systemd-analyze": "systemd",
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
}


def main() -> None:
    missing = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if not missing:
        return
    if os.geteuid() or not shutil.which("apt-get"):
        sys.exit(f"The tests need these programs; install them first: {' '.join(missing)}")
    print(f"Installing {' '.join(missing)} …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environment)
    command = ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *missing]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
