"""Events: something that fired, with a subject. Each field is kept only under its own purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from .decisions import Allowed

#: The purpose that each field needs (source policy, section 2 B; the notice lists the same).
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "path": "analytics",
        "browser": "analytics",
        "system": "analytics",
        "device": "analytics",
        "language": "analytics",
        "address": "analytics",
        "referrer": "analytics",
        "outcome": "analytics",
        "reason": "analytics",
    }
)


class EventKind(StrEnum):
    """What happened."""

    VIEW = "view"
    BEACON = "beacon"
    CLICK = "click"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that fired.

    :param id: 16 bytes, a UUIDv7; the client's own where it made one, so that a repeat is recognised.
    :param subject: 16 random bytes.
    :param at: seconds since the epoch.
    :param tracker: the tracker it is about.
    :param fields: a subset of :data:`FIELDS`.
    """

    id: bytes
    site: str
    subject: bytes
    at: int
    kind: EventKind
    tracker: str
    fields: Mapping[str, str]


def permitted_fields(facts: Mapping[str, str], granted: Callable[[str], bool]) -> dict[str, str]:
    """Return the facts that may be kept: those whose purpose is granted. Empty ones are left out.

    :param granted: whether a purpose is granted to the visit log.
    """
    wanted = {purpose for name, purpose in FIELDS.items() if facts.get(name)}
    allowed = {purpose for purpose in wanted if granted(purpose)}
    return {name: value for name, value in facts.items() if value and FIELDS[name] in allowed}


@dataclass(frozen=True, slots=True)
class Permitted:
    """An event together with the decision that permitted it."""

    event: Event
    permit: Allowed
