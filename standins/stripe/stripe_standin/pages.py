"""What a browser gets: the script, the frames that it opens, an invoice's page and its printed form, a
receipt.
"""

from __future__ import annotations

import functools
import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stripe_standin import printed

if TYPE_CHECKING:
    from stripe_standin.standin import StandIn

BROWSER = Path(__file__).parent / "browser"
FILES = {
    "/v3/": ("v3.js", "text/javascript"),
    "/v3/payment": ("payment.html", "text/html; charset=utf-8"),
    "/v3/payment.js": ("payment.js", "text/javascript"),
    "/v3/challenge": ("challenge.html", "text/html; charset=utf-8"),
    "/v3/challenge.js": ("challenge.js", "text/javascript"),
    "/v3/wallet": ("wallet.html", "text/html; charset=utf-8"),
    "/v3/wallet.js": ("wallet.js", "text/javascript"),
}


@dataclass(frozen=True)
class Page:
    kind: str
    body: bytes


@functools.cache
def _file(name: str) -> bytes:
    return (BROWSER / name).read_bytes()


def page(standin: StandIn, method: str, path: str) -> Page | None:
    if method != "GET":
        return None
    if path in FILES:
        name, kind = FILES[path]
        return Page(kind, _file(name))
    if path.startswith("/i/"):
        number, _, form = path.removeprefix("/i/").partition("/")
        invoice = standin.world.store.find("invoice", number)
        if invoice and form == "pdf":
            return Page("application/pdf", printed.pdf(printed.said(standin.world, invoice)))
        if invoice:
            rows = "".join(f"<li>{html.escape(line)}</li>" for line in printed.said(standin.world, invoice))
            said = f"<!doctype html><html lang=en><title>Invoice</title><h1>Invoice</h1><ul>{rows}</ul>"
            return Page("text/html; charset=utf-8", said.encode())
    if path.startswith("/receipts/"):
        return Page(
            "text/html; charset=utf-8", b"<!doctype html><html lang=en><title>Receipt</title><h1>Receipt</h1>"
        )
    return None
