"""Blobs: files identified by the hash of their content, on disk and between peers."""

from scuttlekit.pub.blobs.calls import BlobCalls
from scuttlekit.pub.blobs.exchange import BlobExchange
from scuttlekit.pub.blobs.holdings import Holdings
from scuttlekit.pub.blobs.store import BlobStore, WrongBlob

__all__ = ["BlobCalls", "BlobExchange", "BlobStore", "Holdings", "WrongBlob"]
