"""The command `scuttlekit` and its subcommands."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from scuttlekit.command import settings, talking
from scuttlekit.command.backup import back_up
from scuttlekit.command.settings import Wrong
from scuttlekit.errors import InvalidFormat, RemoteError, ScuttlebuttError

FOLDER = Path("~/.scuttlekit")


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return the exit code."""
    asked = _parser().parse_args(arguments)
    asked.folder = asked.folder.expanduser().absolute()
    try:
        asked.run(asked)
    except Wrong as error:
        return _complain(str(error))
    except RemoteError as error:
        return _complain(f"The pub refused: {error}")
    except InvalidFormat as error:
        return _complain(f"That cannot be read: {error}.")
    except ScuttlebuttError as error:
        return _complain(f"The pub does not answer: {error}. Start it with: scuttlekit start")
    except OSError as error:
        return _complain(f"{error.filename or asked.folder}: {error.strerror}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scuttlekit", description="Run a Secure Scuttlebutt pub and look after it."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--folder",
        type=Path,
        default=FOLDER,
        metavar="DIR",
        help=f"where the pub keeps everything ({FOLDER})",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=[common]
        )
        command.set_defaults(run=run)
        return command

    start = add("start", _start, "run the pub until it is stopped; it remembers these options")
    start.add_argument("--external", metavar="NAME", help="the host name or address that others reach it by")
    start.add_argument("--port", type=int, help="the port to listen on (8008)")
    start.add_argument("--host", metavar="ADDRESS", help="the address to listen on (all of this machine)")
    start.add_argument(
        "--network", metavar="NETWORK", help="main, oasis, or a network's key in base64 (main)"
    )
    start.add_argument("--hops", type=int, help="how far in the follow graph it replicates (2)")

    add("whoami", _talk(talking.whoami), "show the pub's id and address")
    add("status", _talk(talking.status), "show how the pub is doing")

    invite = add("invite", _talk(talking.invite), "make an invite code")
    invite.add_argument("--uses", type=int, default=1, help="how many people may use it (1)")
    invite.add_argument("--note", default="", help="a text that the pub publishes with each use")

    follow = add(
        "follow", _talk(talking.follow), "have the pub follow somebody, and replicate their messages"
    )
    block = add("block", _talk(talking.block), "have the pub block somebody")
    for command in (follow, block):
        command.add_argument("id", help="a feed id, @….ed25519")
        command.add_argument("--undo", action="store_true", help="undo it")

    add(
        "caught-up",
        _talk(talking.caught_up),
        "tell a pub from a backup that there are no newer messages of its own",
    )

    backup = add("backup", _back_up, "write everything the pub needs to start elsewhere into a tar file")
    backup.add_argument("file", type=Path, help="the tar file to write")
    backup.add_argument("--without-blobs", action="store_true", help="leave out pictures and other files")
    return parser


def _start(asked: argparse.Namespace) -> None:
    from scuttlekit.pub.log import end, speak_plainly
    from scuttlekit.pub.running import run

    config = settings.remembered(
        asked.folder,
        external=asked.external,
        port=asked.port,
        host=asked.host,
        network=asked.network,
        hops=asked.hops,
    )
    speak_plainly()
    try:
        run(config)
    except Exception as error:  # noqa: BLE001 - the log says what ended the pub
        end(error)


def _talk(say: Callable[[Any, argparse.Namespace], Awaitable[str]]) -> Callable[[argparse.Namespace], None]:
    def run(asked: argparse.Namespace) -> None:
        _say(asyncio.run(talking.talk(asked.folder, lambda peer: say(peer, asked))))

    return run


def _back_up(asked: argparse.Namespace) -> None:
    size = back_up(asked.folder, asked.file, with_blobs=not asked.without_blobs)
    _say(
        f"{asked.file} holds the pub, {size / 1e6:.1f} MB. Keep it safe: anybody who has it can publish as the pub."
    )


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _complain(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1
