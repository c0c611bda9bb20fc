"""`python -m scuttlekit.pub CONFIG.json`: a pub, until it is told to stop."""

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

# asyncio loads OpenSSL for TLS, which a pub does not speak: 0.8 MB of its memory. Whoever needs it can still load it.
if "asyncio" not in sys.modules and "ssl" not in sys.modules:
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio  # noqa: F401

    del sys.modules["ssl"]

if TYPE_CHECKING:
    from scuttlekit.pub.calls.table import Addition


def main(addition: "Addition | None" = None) -> None:
    """Run the pub that the configuration describes, and end the process with the code that says why.

    A pub of one's own gives what it adds to this one.
    """
    # Whoever stops it while it is still being loaded stops it in order too: there is nothing to close yet.
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
    except Exception as error:  # noqa: BLE001 - whatever ends a pub is told in its log
        end(error)


def _leave(number: int, _frame: Any) -> None:
    from scuttlekit.pub.log import log

    log("info", "stopping", f"The pub stops: {signal.Signals(number).name}.")
    os._exit(0)


if __name__ == "__main__":
    main()
