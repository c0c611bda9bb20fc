"""The id of the request that is worked on: the proxy gives it, each line of the log about it has it, and the answer too."""

from contextvars import ContextVar

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Also in the threads that work for the request; empty outside of one."""
