"""`python -m scuttlekit.pub CONFIG.json`: run a pub until it is told to stop."""

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import scuttlekit.pub.without_tls  # noqa: F401 # before anything else loads asyncio

if TYPE_CHECKING:
    from scuttlekit.pub.calls.table import Addition


def main(addition: "Addition | None" = None) -> None:
    """Run the pub that the configuration describes, and exit with the code that says why it ended.

    A custom pub passes the calls it adds as `addition`.
    """
    # A signal during loading is a clean stop too: there is nothing to close yet.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    from scuttlekit.pub.config import read_config
    from scuttlekit.pub.log import end

    try:
        config = read_config(sys.argv[1:])
        from scuttlekit.pub.running import run

        if addition is None:
            run(config)
        else:
            run(config, addition)
    except Exception as error:  # noqa: BLE001 - the log says what ended the pub
        end(error)


def _leave(number: int, _frame: Any) -> None:
    from scuttlekit.pub.log import log

    log("info", "stopping", f"The pub stops: {signal.Signals(number).name}.")
    os._exit(0)


if __name__ == "__main__":
    main()
