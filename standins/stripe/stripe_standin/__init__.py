"""A stand-in for the parts of Stripe's API that take a monthly payment. See README.md."""

from stripe_standin.server import Server
from stripe_standin.standin import PUBLISHABLE_KEY, SECRET_KEY, StandIn

__all__ = ["PUBLISHABLE_KEY", "SECRET_KEY", "Server", "StandIn"]
