"""A PostgreSQL for what is different there."""

from tests.postgres import postgres_url

__all__ = ["postgres_url"]
