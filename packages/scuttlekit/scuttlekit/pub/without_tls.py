"""Importing this loads asyncio without OpenSSL, which it loads for TLS.

A pub does not use TLS, and this saves 0.8 MB of memory. Code that needs `ssl` can still import it.
"""

import sys

if "asyncio" not in sys.modules and "ssl" not in sys.modules:
    sys.modules["ssl"] = None  # type: ignore[assignment]
    import asyncio  # noqa: F401

    del sys.modules["ssl"]
