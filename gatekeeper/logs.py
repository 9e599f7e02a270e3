"""What `gatekeeper serve` says while it runs: one line for each thing that happened, and no visitor in any of them.

Lines are JSON where nobody sits at a terminal, so that a log collector can read them (OWASP ASVS 16.2.4).
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import msgspec

from gatekeeper.core.errors import where

# C0 and C1 controls, line and paragraph separators, and what turns the direction of text (OWASP ASVS 16.4.1).
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
# The program's own messages name nobody. This is the net below them: what looks like an id, a token or an address.
_ID = re.compile(r"\b[0-9a-fA-F]{32,}\b")
_TOKEN = re.compile(r"(?<![\w/.-])(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z])[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]{16,})+(?![\w/])")
_V4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_V6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{0,4}:){3,7}(?:[0-9a-fA-F]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?(?![\w:])")
#: Addresses of this machine and of none are not a visitor's.
_NOBODYS = {"127.0.0.1", "0.0.0.0", "::1", "::"}  # noqa: S104
_LONGEST = 4000  # characters

log = logging.getLogger("gatekeeper")


def clean(text: str) -> str:
    """Return text as one line without controls, and without what would name somebody."""
    line = _CONTROLS.sub(" ", text[: 2 * _LONGEST]).strip()
    for pattern, mask in ((_ID, "[id]"), (_TOKEN, "[token]"), (_V4, "[address]"), (_V6, "[address]")):
        line = pattern.sub(lambda found, mask=mask: found[0] if found[0] in _NOBODYS else mask, line)  # type: ignore[misc]
    return line[:_LONGEST]


class Lines(logging.Formatter):
    """Formats what happened as one line of text."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {clean(record.getMessage())}"
        found = _error_of(record)
        return line if found is None else f"{line} ({where(found)})"


class JsonLines(logging.Formatter):
    """Formats what happened as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": clean(record.getMessage()),
        }
        found = _error_of(record)
        if found is not None:
            line["error"] = where(found)
        return msgspec.json.encode(line).decode()


def settings(form: str) -> Mapping[str, Any]:
    """Return the settings of :mod:`logging` for a serving process: everything to standard error, in one form.

    :param form: ``json`` or ``text``; empty means text at a terminal and JSON elsewhere.
    """
    chosen = form or ("text" if sys.stderr.isatty() else "json")
    handler = {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": JsonLines if chosen == "json" else Lines}},
        "handlers": {"line": handler},
        "root": {"level": "INFO", "handlers": ["line"]},
        "loggers": {
            "_granian": {"level": "ERROR", "propagate": True},
            # It says whenever something was migrated, step by step.
            "alembic": {"level": "WARNING", "propagate": True},
        },
    }


def catch() -> None:
    """Have what nobody catches logged like all else, without its text."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, at: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    found = kind() if error is None else error
    log.critical("nothing caught this", exc_info=(kind, found, at))


def _error_of(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
