"""The pub with one call more. What guards an identity stays the pub's own: `scuttlekit` and the lockfile are links to it."""

from greeting import GREETING

from scuttlekit.pub.__main__ import main

if __name__ == "__main__":
    main(GREETING)
