"""`butt salt-master`: the Salt master, with the shipped configuration."""

import os
from pathlib import Path

from butt.command import cli, configure, home_option
from butt.environment import for_tools


@cli.command()
@home_option
def salt_master(home: Path | None) -> None:
    """Run the Salt master that machines join. Each start rewrites its configuration."""
    settings = configure(home=home)
    settings.make_secrets()

    from butt.hosts.salt.calls import program
    from butt.hosts.salt.master_config import master_config
    from scuttlekit.files import write_whole

    salt = program("salt-master")
    folder = settings.salt_master_config
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / "master", master_config(settings))
    os.execve(salt, [salt, "--config-dir", str(folder)], for_tools())  # nosec B606 # noqa: S606 - the same process goes on as Salt's
