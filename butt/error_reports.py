"""Reports errors to Sentry, or to a server that speaks its protocol, if `BUTT_SENTRY_DSN` names one.

Only what comes from our own code is reported: the error and its lines, the template of the log line, and the
id of the request. The text of an error, values of variables, and what is filled into a template may contain a
bot's secret, an invite code or a person's address. These stay in the journal, where the id of the request
leads to them.
"""

import importlib.util
import logging
import re
from importlib.metadata import version
from typing import Any

from butt.tracing import request_id
from butt.trouble import Trouble

TOLD = frozenset({"event_id", "timestamp", "platform", "level", "logger", "release", "tags", "logentry"})
OF_AN_ERROR = frozenset({"type", "module", "stacktrace", "mechanism"})
OF_A_FRAME = frozenset(
    {"filename", "module", "function", "lineno", "pre_context", "context_line", "post_context", "in_app"}
)
FLUSH_SECONDS = 2

_GIVEN_AWAY = re.compile(r"\S*(?:[@~]|://|/join/|[A-Za-z0-9+_-]{24})\S*")
"""Addresses, codes, links, keys and tokens, in a line that was put together before it was logged."""


class NoReports(Trouble):
    """Why errors cannot be reported; the text says what to do."""


def check(dsn: str) -> None:
    """Raises `NoReports` if errors cannot be reported to this DSN, unless it is empty. Nothing is imported or
    sent.
    """
    if not dsn:
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        raise NoReports("BUTT_SENTRY_DSN needs the Sentry SDK. Install it: pip install 'butt[sentry]'.")
    if not re.fullmatch(r"https?://[^@/\s]+@[^/\s]+/(?:\S+/)?\d+", dsn):
        raise NoReports("BUTT_SENTRY_DSN is not a DSN: give one like https://KEY@sentry.example.org/1.")


class ErrorReports(logging.Handler):
    """Reports to Sentry each error that is logged or ends the process. The SDK is imported only when one is created."""

    def __init__(self, dsn: str) -> None:
        super().__init__(logging.ERROR)
        import sentry_sdk
        from sentry_sdk.integrations.atexit import AtexitIntegration
        from sentry_sdk.integrations.excepthook import ExcepthookIntegration

        # Nothing that the SDK collects by itself: no requests, no variables, no host names.
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
    """The event without anything that may come from people, bots or settings."""
    kept = {name: value for name, value in event.items() if name in TOLD}
    if entry := kept.get("logentry"):
        kept["logentry"] = {"message": _GIVEN_AWAY.sub("…", str(entry.get("message", "")))}
    if name := request_id.get():
        kept["tags"] = {"request": name}
    errors = (event.get("exception") or {}).get("values") or ()
    if errors:
        kept["exception"] = {"values": [_error(one) for one in errors]}
    return kept


def _error(error: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in error.items() if name in OF_AN_ERROR}
    kept["mechanism"] = {"type": "logging", "handled": True}
    frames = (kept.get("stacktrace") or {}).get("frames") or ()
    kept["stacktrace"] = {
        "frames": [{name: value for name, value in frame.items() if name in OF_A_FRAME} for frame in frames]
    }
    return kept
