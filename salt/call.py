"""Run by Salt's own Python: call a function on one minion through the master on this machine, and print its return value.

    python call.py CONFIG_DIR < '{"tgt", "fun", "arg", "kwarg"?, "timeout"}'

Prints `{"retcode", "value"}`, or `null` if the minion does not answer. With `"wait": false` it only starts the call, and prints
`null`.
"""

import json
import sys
from pathlib import Path

import salt.client
from salt.exceptions import SaltClientError


def main():
    client = salt.client.LocalClient(str(Path(sys.argv[1]) / "master"))
    asked = json.load(sys.stdin)
    asked["arg"] = [str(value) if not isinstance(value, (int, str)) else value for value in asked["arg"]]
    try:
        if not asked.pop("wait", True):
            client.cmd_async(**asked)
            print("null")
            return
        returned = client.cmd(**asked, full_return=True).get(asked["tgt"])
    except SaltClientError as error:
        sys.exit(f"the Salt master does not answer: {error}")
    # For a minion that does not return, Salt hands out a text of its own as if the minion had returned it.
    if not isinstance(returned, dict) or "retcode" not in returned or returned.get("out") == "no_return":
        print("null")
    else:
        print(json.dumps({"retcode": returned["retcode"], "value": returned.get("ret")}))


main()
