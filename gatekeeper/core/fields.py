"""What an event may hold beside its time, and the purpose that each field needs. The one table of it."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

#: The purpose that each field needs (source policy, section 2 B; the notice lists the same). A site may move one to
#: another purpose that visitors are asked about, never to ``necessary``.
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "path": "analytics",
        "referrer": "analytics",
        "search": "analytics",
        "seconds": "analytics",
        "browser": "analytics",
        "system": "analytics",
        "device": "analytics",
        "language": "analytics",
        "address": "analytics",
        "provider": "analytics",
        "country": "analytics",
        "outcome": "analytics",
        "reason": "analytics",
        "event": "analytics",
        "value": "analytics",
        "currency": "analytics",
        "order": "analytics",
        "source": "marketing",
        "medium": "marketing",
        "campaign": "marketing",
        "target": "marketing",
    }
)

#: What a custom event tells. These go together, under the purpose of that event.
OF_EVENTS = ("event", "value", "currency", "order")

#: Each field as the notice names it to visitors. Those that go together share one line.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "path": "the pages you view and when, without what follows a question mark in their address",
        "referrer": "the site you came from, without the page",
        "search": "what you search for on this site; e-mail addresses and numbers are left out",
        "seconds": "how long a page is in front of you",
        "browser": "your browser and its version",
        "system": "its operating system",
        "device": "whether it is a computer, a tablet or a phone",
        "language": "its language",
        "address": "your IP address",
        "provider": "your internet provider, as far as your address tells",
        "country": "the country, as far as your address tells",
        "outcome": "what was loaded or held back for you, and why",
        "event": "what you do here that the site names, such as an order, with its value and number",
        "campaign": "the campaign whose link brought you here",
        "target": "the host of another site that you leave for",
    }
)
#: Which line tells of a field that has none of its own.
TOLD_BY: Mapping[str, str] = MappingProxyType(
    {"reason": "outcome", "value": "event", "currency": "event", "order": "event"}
    | {"source": "campaign", "medium": "campaign"}
)
#: The fields that a site may move to another purpose, each with all that is told by its line. What an event of the
#: site's own tells goes where that event is declared.
MOVABLE = tuple(name for name in WORDS if name not in OF_EVENTS)


def field_rows(purposes: Mapping[str, str], left_out: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the lines of a notice that tell what the log holds.

    :param purposes: of every field.
    :param left_out: the fields that this site never keeps.
    """
    shown = [name for name in WORDS if name not in left_out]
    return [{"id": name, "purpose": purposes[name], "text": WORDS[name]} for name in shown]


def told_fields(rows: Collection[Mapping[str, Any]]) -> dict[str, str]:
    """Return the fields that some lines of a notice tell of, with the purposes they give."""
    by_line = {row["id"]: row["purpose"] for row in rows}
    return {name: by_line[line] for name in FIELDS if (line := TOLD_BY.get(name, name)) in by_line}
