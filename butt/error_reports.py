"""Errors, told to Sentry or to what speaks its protocol, where `BUTT_SENTRY_DSN` names it.

Only what is in our own code is told: which error at which lines, the template of the line of the log, and the id of the
request. The words of an error, values of variables, and what is filled into a line may hold a bot's secret, an invite's code or
a person's address: they stay in the journal, where the id of the request leads to them.
"""

import importlib.util
import logging
import re
from importlib.metadata import version
from typing import Any

from butt.tracing import request_id

TOLD = frozenset({"event_id", "timestamp", "platform", "level", "logger", "release", "tags", "logentry"})
OF_AN_ERROR = frozenset({"type", "module", "stacktrace", "mechanism"})
OF_A_FRAME = frozenset(
    {"filename", "module", "function", "lineno", "pre_context", "context_line", "post_context", "in_app"}
)
FLUSH_SECONDS = 2

_GIVEN_AWAY = re.compile(r"\S*(?:[@~]|://|/join/|[A-Za-z0-9+_-]{24})\S*")
"""Addresses, codes, links, keys and tokens: in a line that was put together before it was logged."""


class NoReports(Exception):
    """Why errors cannot be told; its text says what to do."""


def check(dsn: str) -> None:
    """Raises `NoReports` where this DSN, if it is not empty, cannot be told errors. Nothing is imported or sent."""
    if not dsn:
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        raise NoReports("BUTT_SENTRY_DSN needs the Sentry SDK. Install it: pip install 'butt[sentry]'.")
    if not re.fullmatch(r"https?://[^@/\s]+@[^/\s]+/(?:\S+/)?\d+", dsn):
        raise NoReports("BUTT_SENTRY_DSN is no DSN: give one like https://KEY@sentry.example.org/1.")


class ErrorReports(logging.Handler):
    """Tells Sentry each error that is logged, and one that ends the process. The SDK is imported for the first of these."""

    def __init__(self, dsn: str) -> None:
        super().__init__(logging.ERROR)
        import sentry_sdk
        from sentry_sdk.integrations.atexit import AtexitIntegration
        from sentry_sdk.integrations.excepthook import ExcepthookIntegration

        # Nothing of what the SDK collects by itself: no requests, no variables, no names of the machine.
        sentry_sdk.init(
            dsn=dsn,
            release=f"butt@{version('butt')}",
            default_integrations=False,
            integrations=[ExcepthookIntegration(), AtexitIntegration(callback=lambda *_: None)],
            include_local_variables=False,
            send_default_pii=False,
            max_breadcrumbs=0,
            auto_session_tracking=False,
            enable_backpressure_handling=False,
            shutdown_timeout=FLUSH_SECONDS,
            before_send=only_our_own,
        )

    def emit(self, record: logging.LogRecord) -> None:
        import sentry_sdk
        from sentry_sdk.utils import event_from_exception

        client = sentry_sdk.get_client()
        event: Any = {}
        if record.exc_info and record.exc_info[0]:
            event, _ = event_from_exception(record.exc_info, client_options=client.options)
        template = str(getattr(record, "template", record.msg))
        event |= {"level": record.levelname.lower(), "logger": record.name, "logentry": {"message": template}}
        sentry_sdk.capture_event(event)


def only_our_own(event: Any, _hint: Any) -> Any:
    """The event without all that may come from people, bots or settings."""
    told = {name: value for name, value in event.items() if name in TOLD}
    if entry := told.get("logentry"):
        told["logentry"] = {"message": _GIVEN_AWAY.sub("…", str(entry.get("message", "")))}
    if name := request_id.get():
        told["tags"] = {"request": name}
    errors = (event.get("exception") or {}).get("values") or ()
    if errors:
        told["exception"] = {"values": [_error(one) for one in errors]}
    return told


def _error(error: dict[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in error.items() if name in OF_AN_ERROR}
    told["mechanism"] = {"type": "logging", "handled": True}
    frames = (told.get("stacktrace") or {}).get("frames") or ()
    told["stacktrace"] = {
        "frames": [{name: value for name, value in frame.items() if name in OF_A_FRAME} for frame in frames]
    }
    return told
