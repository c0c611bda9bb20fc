"""An invoice as text, and as a plain PDF document of one page."""

from __future__ import annotations

from stripe_standin.store import Object
from stripe_standin.world import World

WHOLE = frozenset({"jpy", "krw", "vnd", "clp"})
"""Currencies without a smaller unit."""


def money(amount: int, currency: str) -> str:
    return f"{amount} {currency.upper()}" if currency in WHOLE else f"{amount / 100:.2f} {currency.upper()}"


def said(world: World, invoice: Object) -> list[str]:
    currency = invoice["currency"]
    rows = [
        f"Invoice {invoice['number']}: {invoice['status']}",
        f"To: {invoice['customer_name'] or invoice['customer_email'] or invoice['customer']}",
        *(f"{each['type']}: {each['value']}" for each in invoice["customer_tax_ids"]),
        *(f"{each['description']}: {money(each['amount'], currency)}" for each in invoice["lines"]["data"]),
        f"Subtotal: {money(invoice['subtotal'], currency)}",
    ]
    rows += [f"Discount: {money(-each['amount'], currency)}" for each in invoice["total_discount_amounts"]]
    for each in invoice["total_taxes"] or []:
        rate = world.store.find("tax_rate", each["tax_rate_details"]["tax_rate"]) or {}
        words = f"{rate.get('display_name', 'Tax')} {rate.get('percentage', '')} %"
        rows.append(f"{words}: {money(each['amount'], currency)}")
    return [
        *rows,
        f"Total: {money(invoice['total'], currency)}",
        f"Due: {money(invoice['amount_due'], currency)}",
    ]


def pdf(rows: list[str]) -> bytes:
    """The smallest complete document."""
    text = "".join(f"({_plain(row)}) Tj T*\n" for row in rows)
    stream = f"BT /F1 11 Tf 14 TL 50 790 Td\n{text}ET".encode("latin-1", "replace")
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    document, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return document + end % (table, len(document))


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
