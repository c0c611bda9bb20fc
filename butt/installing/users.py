"""The system user of the service, and its home folder."""

import os
import stat
from dataclasses import dataclass

from butt.installing import HOME, NAME, InstallError
from butt.installing.system import System

CLOSED = 0o700


@dataclass(frozen=True)
class User:
    system: System
    what: str = f"The system user {NAME} is there"

    def is_done(self) -> bool:
        found = self.system.user(NAME)
        if found and found[2] != HOME:
            raise InstallError(
                f"There is a user {NAME} already, whose home folder is {found[2]} and not {HOME}. Rename that user, or remove it."
            )
        return found is not None

    def do(self) -> None:
        options = ("--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin")
        self.system.run("useradd", *options, "--home-dir", HOME, NAME)

    def undo(self) -> str:
        if not self.system.user(NAME):
            return ""
        if self.system.path(HOME).exists():
            return f"stays, as the data is its own; afterwards: userdel {NAME}"
        self.system.run("userdel", NAME)
        return "removed"


@dataclass(frozen=True)
class Home:
    system: System
    what: str = f"The folder {HOME} is there, for the service alone"

    def is_done(self) -> bool:
        user, path = self.system.user(NAME), self.system.path(HOME)
        if user is None or not path.is_dir():
            return False
        about = path.stat()
        return (about.st_uid, about.st_gid, stat.S_IMODE(about.st_mode)) == (*user[:2], CLOSED)

    def do(self) -> None:
        user, path = self.system.user(NAME), self.system.path(HOME)
        if user is None:
            raise InstallError(f"There is no user {NAME}. Run `butt install` to make it.")
        path.mkdir(mode=CLOSED, parents=True, exist_ok=True)
        path.chmod(CLOSED)
        os.chown(path, user[0], user[1])

    def undo(self) -> str:
        path = self.system.path(HOME)
        if not path.is_dir():
            return ""
        if not any(path.iterdir()):
            path.rmdir()
            return "removed, as it was empty"
        return f"stays with all data and keys; to remove it for good: rm -r {HOME}"
