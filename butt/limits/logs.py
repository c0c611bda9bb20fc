"""Lines of the service's own log: bounded in number and length, as strangers influence what is written there."""

import logging
import threading
import time
from collections import OrderedDict
from datetime import UTC, datetime

import orjson

from butt.limits.table import LOG_LINES
from butt.tracing import request_id

LONGEST = 8192
"""The most characters of one entry, with its traceback."""

LONGEST_MESSAGE = 1024
MOST_KINDS = 1000


class TextFormatter(logging.Formatter):
    """One line for each message, with a traceback below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the standard library calls it so
        name = request_id.get()
        record.request = f" [request {name}]" if name else ""
        text = super().formatMessage(record)
        text = "".join(
            sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
        )
        return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n…\n{text[-LONGEST // 2 :]}"


class JsonFormatter(logging.Formatter):
    """One JSON object per line for each message, for journals that search by field; a traceback is in `error`."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": at, "level": record.levelname, "logger": record.name}
        message = record.getMessage()
        line["message"] = message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"
        if name := request_id.get():
            line["request"] = name
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-LONGEST:]
        return orjson.dumps(line, default=str).decode()


class Sparing(logging.Filter):
    """Limits the entries from each line of code. The next one that passes says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._kinds: OrderedDict[tuple[str, int, int], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        now, kind = time.monotonic(), (record.pathname, record.lineno, record.levelno)
        with self._lock:
            began, count = self._kinds.pop(kind, (now, 0))
            left_out = 0
            if now - began >= LOG_LINES.seconds:
                left_out, began, count = max(0, count - LOG_LINES.most), now, 0
            self._kinds[kind] = began, count + 1
            if len(self._kinds) > MOST_KINDS:
                self._kinds.popitem(last=False)
        if count >= LOG_LINES.most:
            return False
        if left_out:
            # For handlers that must not report the values that are filled in: the template without them.
            record.template = getattr(record, "template", record.msg)
            record.msg, record.args = f"{record.getMessage()} (and {left_out} like this before it)", ()
        return True
