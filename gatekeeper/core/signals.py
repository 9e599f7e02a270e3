"""What a browser says on its visitor's behalf: Global Privacy Control and Do Not Track.

A signal may deny, never grant.
"""

from collections.abc import Mapping
from enum import StrEnum


class Signal(StrEnum):
    """An objection that a browser sends with every request."""

    GPC = "gpc"
    DNT = "dnt"


NONE: frozenset[Signal] = frozenset()
HEADERS: Mapping[str, Signal] = {"HTTP_SEC_GPC": Signal.GPC, "HTTP_DNT": Signal.DNT}


def read_signals(environ: Mapping[str, object]) -> frozenset[Signal]:
    """Return the signals of a WSGI request.

    Only the exact value 1 counts; WSGI joins repeated headers with commas, and any exact 1 among them counts
    (W3C Global Privacy Control, "the Sec-GPC header field").
    """
    if environ.keys().isdisjoint(HEADERS):
        return NONE
    return frozenset(signal for key, signal in HEADERS.items() if says_one(environ.get(key)))


def says_one(value: object) -> bool:
    """Tell whether a header value, perhaps several joined by commas, holds an exact 1."""
    return isinstance(value, str) and any(part.strip(" \t") == "1" for part in value.split(","))
