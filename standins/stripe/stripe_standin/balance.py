"""What a customer owes or is owed, apart from invoices."""

from __future__ import annotations

from typing import Any

from stripe_standin.routes import route
from stripe_standin.store import Object, new_id
from stripe_standin.world import World


@route(
    "POST",
    "/v1/customers/{customer}/balance_transactions",
    "CustomerBalanceTransactionCreateParams",
    "amount currency description metadata",
)
def adjust(world: World, given: dict[str, Any], customer: str) -> Object:
    """There is no published example of this object: its fields are those of the SDK's class."""
    there = world.store.get("customer", customer)
    ending = there["balance"] + given["amount"]
    world.update("customer", there, {"balance": ending, "currency": given["currency"]}, "customer.updated")
    made = {
        "id": new_id("cbtxn"),
        "object": "customer_balance_transaction",
        "amount": given["amount"],
        "checkout_session": None,
        "created": world.now(there),
        "credit_note": None,
        "currency": given["currency"],
        "customer": customer,
        "customer_account": None,
        "description": given.get("description"),
        "ending_balance": ending,
        "invoice": None,
        "livemode": False,
        "metadata": given.get("metadata") or {},
        "type": "adjustment",
    }
    return world.store.put("customer_balance_transaction", made)


@route("GET", "/v1/customers/{customer}/balance_transactions", "CustomerBalanceTransactionListParams")
def adjustments(world: World, given: dict[str, Any], customer: str) -> list[Object]:  # noqa: ARG001
    return [each for each in world.store.all("customer_balance_transaction") if each["customer"] == customer]
