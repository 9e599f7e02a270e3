"""Values that the store tests keep: one visitor's record and events, a site's notices."""

import os
import time
from typing import Any

from gatekeeper.core.decisions import Allowed, Reason
from gatekeeper.core.events import Event, EventKind
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.store.contract import ConsentRecord
from gatekeeper.store.engines import find_engine

NOW = 1_795_000_000
SITE = "shop"
PERMIT = Allowed(Reason.GRANTED, SITE, "visit", "analytics", 1)
FIELDS = {"path": "/shoes", "browser": "Firefox 146", "language": "pt-BR", "address": "203.0.113.7"}


def new_id() -> bytes:
    return os.urandom(16)


def new_record(subject: bytes | None = None, **changes: Any) -> ConsentRecord:
    values: dict[str, Any] = {
        "site": SITE,
        "subject": subject or new_id(),
        "record": new_id(),
        "receipt": os.urandom(32),
        "notice": 1,
        "choice": "1.shop.1.20261118.g.3.0.-.0",
        "language": "en",
        "method": "accept_all",
        "at": NOW,
    }
    return ConsentRecord(**values | changes)


def new_event(subject: bytes, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "id": new_id(),
        "site": SITE,
        "subject": subject,
        "at": NOW,
        "kind": EventKind.VIEW,
        "tracker": "visit",
        "fields": FIELDS,
    }
    return Event(**values | changes)


def new_notice(no: int = 1, site: str = SITE) -> Notice:
    content = {"site": site, "name": "The Shop – Läden", "purposes": [], "trackers": [], "choice_days": 180 + no}
    return Notice(site, no, content, "2026-11-22", content_hash(content))


def count(url: str, table: str) -> int:
    """Return how many rows a table has."""
    connection = find_engine(url).connect()
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return int(found)


def check_whole(url: str) -> None:
    """Check that a SQLite file is in order; a server looks after that itself."""
    if url.startswith("sqlite"):
        connection = find_engine(url).connect()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def took(started: float) -> float:
    """Return the seconds since a time of the monotonic clock."""
    return time.monotonic() - started
