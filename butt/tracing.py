"""The id of the current request: the proxy sets it, and every log line about the request and the response
contain it.
"""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Set in the threads that work for the request too; empty outside a request."""
