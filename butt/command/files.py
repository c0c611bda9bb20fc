"""How many files a process may have open: each watched bot and each open page is a connection."""

import resource

import click

FEWEST = 512


def open_as_many_files_as_may_be() -> int:
    """Raise the limit, which systemd sets to 1,024 at first; the limit afterwards."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def need_files() -> None:
    """Fail with an explanation if there are too few to serve anybody: errors of all kinds would follow."""
    most = open_as_many_files_as_may_be()
    if most < FEWEST:
        raise click.ClickException(
            f"Only {most} files may be open at once, and {FEWEST} are needed at least: run `ulimit -n 4096` first, or set "
            "LimitNOFILE in the unit."
        )
