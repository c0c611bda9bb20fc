"""The settings file, what reads it, and the tables of the database that it names."""

from dataclasses import dataclass

from butt.installing import HOME, NAME, SETTINGS
from butt.installing.plan import Plan, read, written
from butt.installing.system import FOR_ROOT, System

HEAD = """# The settings of the service. Every one of docs/settings.md may stand here, one a line. After a change, run `butt install`:
# it restarts what reads them.
"""
COMMAND = "/usr/local/bin/butt"
SCRIPT = f"""#!/bin/sh
# `butt` as the service runs it: as its user and with its settings. Made by `butt install`, which root alone runs as itself.
case "${{1:-}}" in
install | uninstall) exec PROGRAM "$@" ;;
esac
[ "$(id -u)" = 0 ] || exec PROGRAM "$@"
how=--pipe
if [ -t 0 ] && [ -t 1 ]; then how=--pty; fi
exec systemd-run --quiet --collect --wait $how --service-type=exec --property=User={NAME} --property=Group={NAME} \\
    --property=UMask=0077 --property=EnvironmentFile={SETTINGS} --working-directory={HOME} -- PROGRAM "$@"
"""


@dataclass(frozen=True)
class Settings:
    system: System
    plan: Plan
    what: str = f"The settings are in {SETTINGS}, for root alone"

    def is_done(self) -> bool:
        text = self.system.read(SETTINGS)
        return text is not None and self.system.has(SETTINGS, self._wanted(text), FOR_ROOT)

    def do(self) -> None:
        self.system.write(SETTINGS, self._wanted(self.system.read(SETTINGS) or HEAD), FOR_ROOT)

    def undo(self) -> str:
        if not self.system.remove(SETTINGS):
            return ""
        folder = self.system.path(SETTINGS).parent
        if not any(folder.iterdir()):
            folder.rmdir()
        return "removed"

    def _wanted(self, text: str) -> str:
        return written(text, self.plan.settings)


@dataclass(frozen=True)
class Command:
    """Lets operators run commands with the service's settings without knowing where anything is."""

    system: System
    plan: Plan
    what: str = f"The command {COMMAND} runs as the service does"

    def is_done(self) -> bool:
        return self.system.has(COMMAND, self._text(), 0o755)

    def do(self) -> None:
        self.system.write(COMMAND, self._text(), 0o755)

    def undo(self) -> str:
        return "removed" if self.system.remove(COMMAND) else ""

    def _text(self) -> str:
        return SCRIPT.replace("PROGRAM", self.plan.program)


@dataclass(frozen=True)
class Tables:
    system: System
    plan: Plan
    what: str = "The database has the tables of this version"

    def is_done(self) -> bool:
        return manages(self.system, self.plan, "migrate", "--check")

    def do(self) -> None:
        command = (self.plan.program, "manage", "migrate", "-v0")
        self.system.run(*command, user=NAME, settings=environment(self.system, self.plan))

    def undo(self) -> str:
        return ""


def manages(system: System, plan: Plan, *arguments: str) -> bool:
    """Whether one of Django's own commands succeeds."""
    given = environment(system, plan)
    return system.succeeds(plan.program, "manage", *arguments, user=NAME, settings=given)


def environment(system: System, plan: Plan) -> dict[str, str]:
    """The environment of the service's programs: the settings file as it is, with what the operator wrote into it."""
    return {**read(system.read(SETTINGS) or ""), **plan.settings, "HOME": HOME}
