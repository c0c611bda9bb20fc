"""`make bench`: each benchmark prints its figures as ratios to a floor measured in the same minute."""

import argparse
import importlib
import platform

BENCHES = {
    "start": "from the click to an alive bot, beside the bare program started by hand",
    "invites": "making an invite over the API, beside the command line of ssb-server",
    "export": "taking along a bot of 50,000 messages and 200 MB of blobs while it writes, beside tar",
    "monitor": "what watching 100, 1,000 and 10,000 bots takes, and whether anything is lost",
    "dashboard": "100 bots of 10,000 on the dashboard, for 20 readers at once, beside an empty page",
    "soak": "memory of each part before and after 20,000 requests and 50 restarts of a bot",
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
