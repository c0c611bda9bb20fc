"""Caddy in front of the service, with the shipped configuration as a separate file."""

from dataclasses import dataclass

from butt import resources
from butt.installing import InstallError
from butt.installing.plan import Plan
from butt.installing.services import is_current
from butt.installing.system import System
from butt.installing.units import reached_at

SITE, MAIN, KEPT = "/etc/caddy/butt.caddyfile", "/etc/caddy/Caddyfile", "/etc/caddy/Caddyfile.before-butt"
DROP_IN = "/etc/systemd/system/caddy.service.d/butt.conf"
LINE = f"import {SITE}\n"
OF_PACKAGE = "/usr/share/caddy"
"""The folder that the package's own example serves; a configuration that somebody wrote does not mention it."""


@dataclass(frozen=True)
class Proxy:
    system: System
    plan: Plan
    what: str = "Caddy is configured for the domain"

    def is_done(self) -> bool:
        return (
            all(self.system.has(place, text) for place, text in self._files().items()) and self._is_imported()
        )

    def do(self) -> None:
        for place, text in self._files().items():
            self.system.write(place, text)
        if self._is_imported():
            return
        main = self.system.read(MAIN) or ""
        if _says_something(main) and OF_PACKAGE not in main:
            raise InstallError(
                f"{MAIN} is a configuration of your own. Write `{LINE.strip()}` as its first line, because this file begins "
                "with global options, then run `butt install` again."
            )
        if main:
            self.system.write(KEPT, main)
        self.system.write(MAIN, LINE)

    def undo(self) -> str:
        if not self.system.path(SITE).exists():
            return ""
        if self.system.read(MAIN) == LINE:
            self.system.write(MAIN, self.system.read(KEPT) or "")
            self.system.remove(KEPT)
        elif self._is_imported():
            text = self.system.read(MAIN) or ""
            self.system.write(MAIN, text.replace(LINE, ""))
        self.system.remove(SITE)
        self.system.remove(DROP_IN)
        folder = self.system.path(DROP_IN).parent
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        self.system.run("systemctl", "daemon-reload")
        self.system.run("systemctl", "restart", "caddy")
        return "removed"

    def _files(self) -> dict[str, str]:
        written = {
            "BUTT_DOMAIN": self.plan.domain,
            "BUTT_PUBLIC": reached_at(self.plan, "butt@public.socket"),
            "BUTT_PRIVATE": reached_at(self.plan, "butt@private.socket"),
        }
        return {
            SITE: (resources.DEPLOY / "Caddyfile").read_text(),
            DROP_IN: "[Service]\n"
            + "".join(f"Environment={name}={value}\n" for name, value in written.items()),
        }

    def _is_imported(self) -> bool:
        return LINE in (self.system.read(MAIN) or "").splitlines(keepends=True)


def _says_something(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


@dataclass(frozen=True)
class ProxyRuns:
    system: System
    what: str = "Caddy runs, and starts with the machine"

    def is_done(self) -> bool:
        return is_current(self.system, "caddy", SITE, MAIN, DROP_IN)

    def do(self) -> None:
        self.system.run("systemctl", "daemon-reload")
        self.system.run("systemctl", "enable", "caddy")
        mend = "Look at `journalctl -u caddy`. Is something else on port 80 or 443? Then run `butt install` again."
        self.system.run("systemctl", "restart", "caddy", mend=mend)

    def undo(self) -> str:
        return ""
