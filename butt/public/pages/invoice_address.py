"""The name and address on invoices."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from butt.agents.models import Agent
from butt.billing.address import FIELDS, BadAddress, InvoiceAddress, countries
from butt.billing.chosen import billing
from butt.billing.interface import NoAnswer
from butt.billing.money import locale_of
from butt.public.letters import say
from butt.public.pages.billing import where_money_is
from butt.public.pages.person import for_person
from butt.public.pages.sorry import sorry

LABELS = {
    "name": ("name or company", "organization"),
    "line1": ("street", "address-line1"),
    "line2": ("addition", "address-line2"),
    "postal_code": ("postal code", "postal-code"),
    "city": ("city", "address-level2"),
    "state": ("state or region", "address-level1"),
    "country": ("country", "country"),
    "tax_number": ("VAT or tax number, of a company", "off"),
}
"""For each field: its label, and what browsers autofill."""


@where_money_is
@for_person
def address(request: HttpRequest, person: Agent) -> HttpResponse:
    if request.method != "POST":
        try:
            return _shown(request, billing().address(person))
        except NoAnswer as trouble:
            return sorry(request, "not now", str(trouble), 503)
    given = InvoiceAddress(**{name: request.POST.get(name, "") for name in FIELDS})
    try:
        billing().tell_address(person, given)
    except BadAddress as bad:
        return _shown(request, given, bad)
    except NoAnswer as trouble:
        return _shown(request, given, BadAddress("", str(trouble)))
    say(request, "Saved. It appears on your next invoice.")
    return redirect("billing")


def _shown(request: HttpRequest, address: InvoiceAddress, error: BadAddress | None = None) -> HttpResponse:
    shown = {
        "fields": [(name, label, getattr(address, name), kind) for name, (label, kind) in LABELS.items()],
        "countries": countries(locale_of(request.headers.get("Accept-Language", ""))),
        "error": error,
        "here": "billing",
    }
    return render(request, "billing/address.html", shown, status=422 if error else 200)
