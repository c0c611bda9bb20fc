"""`make bench`: each benchmark prints its figures as ratios to a floor measured in the same minute."""

import argparse
import importlib
import platform

BENCHES = {
    "start": "from the click to an alive bot, beside the bare program started by hand",
    "clouds": "100 machines at once at a stand-in with a limit on calls, beside what the limit allows",
    "monitor": "what watching 100, 1,000 and 10,000 bots takes, and whether anything is lost",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=list(BENCHES), metavar="NAME", help=f"some of: {', '.join(BENCHES)}"
    )
    names = parser.parse_args().names
    if unknown := set(names) - set(BENCHES):
        parser.error(f"there is no benchmark called {', '.join(sorted(unknown))}")
    print(f"{platform.machine()}, Python {platform.python_version()}")
    for name in names:
        print(f"\n{name}: {BENCHES[name]}", flush=True)
        importlib.import_module(f"bench.{name}").main()


main()
