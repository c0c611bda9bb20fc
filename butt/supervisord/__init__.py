"""One more call for our supervisord, which loads this package: starting a program by its own file.

By itself supervisord only reads all files of all programs again, which takes the longer the more bots there are.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

from supervisor.options import ProcessGroupConfig, UnhosedConfigParser
from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
from supervisor.xmlrpc import Faults, RPCError

from butt.supervisord.forking import ForkServers, Preloaded

PRIORITY = 999


class Calls(SupervisorNamespaceRPCInterface):  # type: ignore[misc] # supervisor has no types
    """The calls of supervisord, and `runProgram`."""

    def __init__(self, supervisord: Any) -> None:
        super().__init__(supervisord)
        self._fork_servers = ForkServers(supervisord)

    def runProgram(self, path: str) -> bool:  # noqa: N802 - named as supervisord names its calls
        """Start the one program that is configured in the file `path`, as that file says now.

        @param string path         path of its configuration
        @return boolean result     always true unless there is an error
        """
        self._update("runProgram")
        group = self._configured(path)
        running = self.supervisord.process_groups.get(group.name)
        if running is not None and running.config != group:
            self.removeProcessGroup(group.name)
            running = None
        if running is None:
            self.supervisord.add_process_group(group)
        return bool(self.startProcess(group.name, False))

    def _configured(self, path: str) -> Any:
        options, parser = self.supervisord.options, UnhosedConfigParser()
        parser.expansions = options.environ_expansions
        try:
            parser.read(path)
            parser.expand_here(str(Path(path).parent))
            (section,) = parser.sections()
            name, preload = section.partition(":")[2], parser.saneget(section, "preload", "")
            kind = partial(Preloaded, self._fork_servers, json.loads(preload)) if preload else None
            programs = options.processes_from_section(parser, section, name, kind)
        except ValueError as why:
            raise RPCError(Faults.CANT_REREAD, why) from why
        return ProcessGroupConfig(options, name, PRIORITY, programs)


def calls(supervisord: Any) -> Calls:
    return Calls(supervisord)
