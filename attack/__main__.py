"""`make attack`: attackers do what they can while ten honest people use the service, then the promises are
checked.

make attack ARGS="--seed 7 --seconds 20 --caddy"
"""

import argparse
import os
import signal
import sys
import time

import django

from attack import ATTACKERS


def main() -> None:
    parser = argparse.ArgumentParser(prog="make attack")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=60.0, help="of each attacker")
    parser.add_argument("--caddy", action="store_true", help="through the proxy as it is shipped")
    parser.add_argument("--untimed", action="store_true", help="ask nothing of how long people wait")
    parser.add_argument("--together", action="store_true", help="all attackers at once")
    parser.add_argument("--only", choices=ATTACKERS, help="one of the attackers")
    chosen = parser.parse_args()
    flags = "".join(f" --{name}" for name in ("caddy", "untimed", "together") if getattr(chosen, name))
    flags += f" --only {chosen.only}" if chosen.only else ""
    again = f'make attack ARGS="--seed {chosen.seed} --seconds {chosen.seconds:g}{flags}"'
    print(f"To repeat: {again}", flush=True)
    # If the run is ended, its service must end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from attack.run import run

    findings = run(
        chosen.seed,
        chosen.seconds,
        through_caddy=chosen.caddy,
        timed=not chosen.untimed,
        together=chosen.together,
        attackers=(chosen.only,) if chosen.only else ATTACKERS,
    )
    for finding in findings:
        print(f"FOUND: {finding}")
    print(f"{len(findings)} found. {again}")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
