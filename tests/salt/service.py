"""The whole service over a real Salt master and machines that joined it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from tests.salt.base import SETTINGS as BASES
from tests.salt.land import HERE, run
from tests.salt.machine import SALT, Engine, Minion
from tests.salt.master import Master
from tests.service import Service

DOMAIN = "butt.test"
PATIENT = 180.0


class SaltService(Service):
    """`butt up` with a master beside it; `machine(engine)` lets one more join.

    Names of bots lead to machines by a hosts file of its own, in place of a name server.
    """

    def __init__(self, home: Path, release: Path, **settings: object) -> None:
        self.hosts = home / "hosts"
        super().__init__(home, release, domain=DOMAIN, host="salt", salt="master", billing="free", **settings)
        self.hosts.write_text(Path("/etc/hosts").read_text())
        private = f"http://{HERE}:{self.private_port}"
        token = home / "private-token"
        token.write_text("the-masters-token")
        self.master = Master(private, token, home / "salt" / "files")
        self.minions: list[Minion] = []
        self.environment |= {
            "BUTT_URL": self.url,
            "BUTT_PRIVATE_BIND": HERE,
            "BUTT_PRIVATE_URL": private,
            "BUTT_PUB_BIND": "::",
            "BUTT_SALT_CONFIG": str(self.master.config),
            "BUTT_SALT_KEYS": str(self.master.keys),
            "BUTT_SALT_PROGRAMS": str(SALT),
            **BASES,
        }

    def __enter__(self) -> Self:
        self.master.start()
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        for minion in self.minions:
            minion.end()
        self.master.daemon.kill()
        shutil.rmtree(self.master.folder, ignore_errors=True)
        super().__exit__(*error)

    def command(self) -> list[str]:
        # The shell becomes the program: the same process, in a mount namespace of its own.
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", script, str(self.hosts), *super().command()]

    @contextmanager
    def without_private_server(self) -> Iterator[None]:
        """Neither machines nor the master get an answer from it. Its process goes on: the steward's is the same."""
        rule = ("INPUT", "-p", "tcp", "-d", HERE, "--dport", str(self.private_port), "-j", "DROP")
        run("iptables", "-I", *rule)
        try:
            yield
        finally:
            run("iptables", "-D", *rule)

    def butt(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "butt", *arguments, "--home", str(self.home)]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=PATIENT, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def waits_for_release(self, key: str) -> None:
        """Until this is the newest one."""
        self._waits("from butt.sources import shelf", f"shelf.newest().key == {key!r}")

    def reads(self, what: str) -> str:
        """What `reading()` of the public server returns, once it has arrived from the machine."""
        return self._shell(
            "import time\n"
            "from uuid import UUID\n"
            "from butt.hosts.reading import NotYet, reading\n"
            f"ends = time.monotonic() + {PATIENT}\n"
            "while True:\n"
            "    try:\n"
            f"        print(reading().{what})\n"
            "        break\n"
            "    except NotYet:\n"
            "        if time.monotonic() > ends:\n"
            "            raise\n"
            "        time.sleep(0.2)\n"
        )

    def _waits(self, prelude: str, what: str) -> None:
        """Wait until it is so: asked repeatedly in one process, because starting one takes longer than
        everything else.
        """
        self._shell(f"import time\n{prelude}\nwhile not ({what}):\n    time.sleep(0.1)")

    def _shell(self, code: str) -> str:
        return self.butt("manage", "shell", "-v0", "-c", code)

    def machine(self, engine: Engine, *bots: str, **options: Any) -> Minion:
        """One more machine joins, with what `butt machine add` made for it; the names of `bots` lead to it."""
        bundle = Path(self.butt("machine", "add").split()[-1])
        folder = Path("/tmp") / f"bn{bundle.name}"
        shutil.copytree(bundle, folder / "pki")
        report = {"url": self.environment["BUTT_PRIVATE_URL"], "token_file": str(folder / "pki" / "token")}
        minion = Minion(
            folder,
            engine.place,
            engine,
            **self.master.options(bundle.name),
            butt={"report": report},
            **options,
        )
        minion.start()
        self.minions.append(minion)
        with self.hosts.open("a") as file:
            file.writelines(f"{engine.place.address} {name}.{DOMAIN}\n" for name in bots)
        return minion

    def waits_for_machines(self) -> None:
        seen = "Machine.objects.exclude(seen_at=None).count()"
        self._waits("from butt.machines.models import Machine", f"{seen} == {len(self.minions)}")
