"""Random events of a site, as they come: for tests that compare what is counted with what happened."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from gatekeeper.core.events import Event, EventKind

#: Where clocks change by an hour, by half an hour, in the other half of the year, or never.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Havana"]
#: Shortly before clocks change somewhere, and before a month ends.
BEGINNINGS = ["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-24", "2026-10-31", "2026-12-30"]

_PATHS = ["/", "/a", "/b"]
#: How long until the next event: mostly of the same visit, just so or just not, or of another day.
_PAUSES = [0, 1, 700, 1799, 1800, 1801, 3600, 5 * 3600, 23 * 3600, 3 * 86_400]

_visitors = {"browser": ["", "Firefox 146", "Chrome 141"], "country": ["", "DE"], "device": ["phone", "phone", "bot"]}
_of_kind: dict[EventKind, dict[str, list[str]]] = {
    EventKind.VIEW: {
        "path": _PATHS,
        "referrer": ["", "search.example"],
        "campaign": ["", "spring"],
        "source": ["", "mail"],
        "search": ["", "shoes"],
    },
    EventKind.STAY: {"path": _PATHS, "seconds": ["0", "7", "100"]},
    EventKind.OUTCOME: {
        "tracker": ["stats", "gatekeeper"],
        "path": _PATHS,
        "outcome": ["loaded", "blocked"],
        "reason": ["granted", "refused"],
    },
    EventKind.EVENT: {
        "event": ["purchase", "signup"],
        "value": ["0", "19.99", "-5", "0.0001"],
        "currency": ["", "EUR"],
    },
    EventKind.OUT: {"target": ["", "elsewhere.example"]},
    EventKind.BEACON: {"path": _PATHS},
    EventKind.CLICK: {},
}


@st.composite
def happenings(
    draw: st.DrawFn, site: str, subjects: list[bytes], min_size: int = 0, max_size: int = 40
) -> tuple[str, list[Event]]:
    """Draw a time zone and the events of some subjects of a site, in the order in which they come."""
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(BEGINNINGS))
    at = int(datetime.fromisoformat(f"{day}T18:00").replace(tzinfo=ZoneInfo(zone)).timestamp())
    steps = st.tuples(st.sampled_from(_PAUSES), st.sampled_from(subjects), st.sampled_from(list(EventKind)))
    events = []
    for number, (pause, subject, kind) in enumerate(draw(st.lists(steps, min_size=min_size, max_size=max_size))):
        at += pause
        fields = {name: draw(st.sampled_from(values)) for name, values in {**_visitors, **_of_kind[kind]}.items()}
        events.append(_event(number, site, subject, at, kind, fields))
    return zone, events


def _event(number: int, site: str, subject: bytes, at: int, kind: EventKind, fields: dict[str, Any]) -> Event:
    of_log = kind in {EventKind.VIEW, EventKind.STAY, EventKind.EVENT, EventKind.OUT}
    tracker = fields.pop("tracker", "visit" if of_log else "stats")
    kept = {name: value for name, value in fields.items() if value}
    return Event(number.to_bytes(16, "big"), site, subject, at, kind, tracker, kept)
