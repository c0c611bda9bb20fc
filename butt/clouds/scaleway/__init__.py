"""Machines at Scaleway. Nothing outside this package knows one of its names."""

from butt.clouds.scaleway.driver import Scaleway

__all__ = ["Scaleway"]
