"""The steps, in order, and how they are carried out."""

from collections.abc import Callable, Iterable
from typing import Protocol

from butt.installing import InstallError
from butt.installing.database import Database
from butt.installing.debian import Packages
from butt.installing.operators import FirstOperator
from butt.installing.plan import Plan
from butt.installing.proxy import Proxy, ProxyRuns
from butt.installing.salt import SaltEnvironment
from butt.installing.services import Ready, Services
from butt.installing.settings import Command, Settings, Tables
from butt.installing.system import System
from butt.installing.units import Units
from butt.installing.users import Home, User


class Step(Protocol):
    @property
    def what(self) -> str:
        """What is true once it is done, in a few words."""

    def is_done(self) -> bool:
        """Changes nothing, and never raises because an earlier step is not done yet."""

    def do(self) -> None:
        """Do it, or finish it if it was begun and interrupted. Raises `InstallError`."""

    def undo(self) -> str:
        """Undo it, and say what was removed or what stays; empty if there was nothing. Raises `InstallError`."""


DONE, TO_DO, BEGUN = "nothing to do", "to do", "doing it"
Tell = Callable[[str, str], None]
"""Called for each step with what it is and how it stands: one of the words above."""


def steps(system: System, plan: Plan) -> list[Step]:
    return [
        Packages(system),
        User(system),
        Home(system),
        Database(system),
        SaltEnvironment(system),
        Settings(system, plan),
        Command(system, plan),
        Tables(system, plan),
        Units(system, plan),
        Services(system, plan),
        Proxy(system, plan),
        ProxyRuns(system),
        FirstOperator(system, plan),
        Ready(system, plan),
    ]


def install(every: Iterable[Step], tell: Tell, *, dry_run: bool = False) -> bool:
    """Do what is not done; whether anything was done, or would be. Raises `InstallError`."""
    changed = False
    for step in every:
        if step.is_done():
            tell(step.what, DONE)
            continue
        changed = True
        if dry_run:
            tell(step.what, TO_DO)
            continue
        tell(step.what, BEGUN)
        step.do()
        if not step.is_done():
            raise InstallError(
                f"This was done but did not take effect: {step.what}. Run `butt install` again."
            )
    return changed


def uninstall(every: Iterable[Step], tell: Tell) -> None:
    """Undo everything, the last step first. Raises `InstallError`."""
    for step in reversed(list(every)):
        if said := step.undo():
            tell(step.what, said)
