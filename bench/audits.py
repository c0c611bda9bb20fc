"""Lighthouse on the front page, sign-in, dashboard and status of a running service, on a phone and on a desktop.

Lighthouse slows the network and the processor down by calculation, as for a phone on a mobile network. Pages that
everybody sees are also rated for search engines. A busy machine costs points of performance.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from bench.claims import claim
from butt.sources.node import NODE
from butt.sources.releases import build
from tests.programs import program
from tests.service import Service

LIGHTHOUSE = Path(__file__).parent / "lighthouse"
EMAIL, PASSWORD = "alice@example.org", "correct horse battery"
"""As `Service.person` registers her."""

PAGES = {"/": True, "/start": True, "/bots": False, "/bots/my/status": False}
"""Whether everybody sees it."""

BEST = 100


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BUTT_HOME"] = folder
        release, lighthouse = build().path, build(LIGHTHOUSE).path
        with Service(Path(folder) / "home", release) as site:
            alice = site.person(EMAIL)
            alice.waits_for("alive", alice.names_a_bot("my"))
            pages = [{"path": path, "isPublic": is_public} for path, is_public in PAGES.items()]
            asked = {
                "url": site.url,
                "chromium": program("chromium"),
                "email": EMAIL,
                "password": PASSWORD,
                "pages": pages,
            }
            done = subprocess.run(
                [NODE, lighthouse / "audit.js", json.dumps(asked)], check=True, stdout=subprocess.PIPE
            )
    lowest: dict[str, int] = {}
    for line in done.stdout.splitlines():
        audit = json.loads(line)
        print(f"  {audit['path']} on a {audit['look']}: {_said(audit)}")
        for category, score in audit["scores"].items():
            lowest[category] = min(score, lowest.get(category, BEST))
    for category, score in lowest.items():
        claim(f"Lighthouse, {category}, the lowest of all pages", score, BEST, "points", "the most")


def _said(audit: dict[str, Any]) -> str:
    """Like `performance 100, accessibility 100; not full: first-contentful-paint (1.2 s)`."""
    scores = ", ".join(f"{category} {score}" for category, score in audit["scores"].items())
    lost = ", ".join(f"{name} ({detail})" for name, detail in audit["lost"].items())
    return f"{scores}; not full: {lost}" if lost else scores


if __name__ == "__main__":
    main()
