"""`make chaos`: kills, full disks and restarts while people use the service, then the promises are checked.

make chaos ARGS="--seed 7 --minutes 2 --postgres"
"""

import argparse
import os
import signal
import sys
import tempfile
import time


def main() -> None:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL, which is restarted too")
    chosen = parser.parse_args()
    database = " --postgres" if chosen.postgres else ""
    again = f'make chaos ARGS="--seed {chosen.seed} --minutes {chosen.minutes:g}{database}"'
    print(f"To repeat: {again}", flush=True)
    # If the run is ended, its service and its disk must end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="butt-chaos-build-") as folder:
        os.environ["BUTT_HOME"] = folder
        from chaos.run import run

        findings = run(chosen.seed, chosen.minutes * 60, chosen.postgres)
    for finding in findings:
        print(f"FOUND: {finding}")
    print(f"{len(findings)} found. {again}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
