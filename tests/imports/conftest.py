"""A disk that gets full, and other settings."""

from tests.sources.conftest import settings_of, small_disk

__all__ = ["settings_of", "small_disk"]
