"""The tests of this folder share one database cluster."""

from tests.postgres import postgres_url

__all__ = ["postgres_url"]
