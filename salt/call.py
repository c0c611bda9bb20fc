"""Run by Salt's own Python: calls functions on minions through the master on this machine, until its standard input is closed.

    python call.py CONFIG_DIR

Its standard input is a Unix socket, and each message on it brings a connection. Over that comes one call as JSON,
`{"tgt", "fun", "arg", "kwarg"?, "timeout", "within"}`, and goes its answer: `{"retcode", "value"}`, or `null` if the minion does not
answer, or `{"trouble"}` in words. A call that takes longer than `within` seconds is ended without an answer. With `"wait": false` the
call is only started, and the answer is `null`.

Each call is a copy of this process, which has loaded Salt: loading it takes more of a processor than the call.
"""

import json
import os
import signal
import socket
import sys
from pathlib import Path

import salt.client
import salt.config
import salt.loader
import salt.transport.tcp
import salt.transport.zeromq
from salt.exceptions import SaltClientError

CONFIG = str(Path(sys.argv[1]) / "master")


def main():
    door = socket.socket(fileno=sys.stdin.fileno())
    load()
    # Only what kept it from loading is of interest to whoever calls.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    # Nobody waits for a copy.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, connections, _, _ = socket.recv_fds(door, 1, 1)
        if not message:
            return
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with socket.socket(fileno=connections[0]) as connection:
                connection.sendall(json.dumps(answer(connection)).encode())
            os._exit(0)
        os.close(connections[0])


def load():
    """What Salt would load only for the first return of a minion, as it does the two transports."""
    options = salt.config.client_config(CONFIG)
    modules = salt.loader.minion_mods(options, utils=salt.loader.utils(options))
    salt.loader.returners(options, modules)[f"{options['master_job_cache']}.get_load"]


def answer(connection):
    with connection.makefile("rb") as file:
        asked = json.load(file)
    signal.alarm(asked.pop("within"))
    asked["arg"] = [str(value) if not isinstance(value, (int, str)) else value for value in asked["arg"]]
    client = salt.client.LocalClient(CONFIG)
    try:
        if not asked.pop("wait", True):
            client.cmd_async(**asked)
            return None
        returned = client.cmd(**asked, full_return=True).get(asked["tgt"])
    except SaltClientError as error:
        return {"trouble": f"the Salt master does not answer: {error}"}
    # For a minion that does not return, Salt hands out a text of its own as if the minion had returned it.
    if not isinstance(returned, dict) or "retcode" not in returned or returned.get("out") == "no_return":
        return None
    return {"retcode": returned["retcode"], "value": returned.get("ret")}


main()
