"""Events: something that fired, with a subject. Each field is kept only under its own purpose."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from .decisions import Allowed
from .fields import FIELDS as FIELDS


class EventKind(StrEnum):
    """What happened.

    ``view``: a page was viewed. ``stay``: it was in front of the visitor for so many ``seconds`` more. ``outcome``:
    what became of a tracker on it. ``event``: what the site itself named. ``out``: the visitor left for another
    site. ``beacon`` and ``click``: one of the site's own beacons or signed links was hit.
    """

    VIEW = "view"
    STAY = "stay"
    OUTCOME = "outcome"
    EVENT = "event"
    OUT = "out"
    BEACON = "beacon"
    CLICK = "click"


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


def permitted_fields(
    facts: Mapping[str, str], granted: Callable[[str], bool], purposes: Mapping[str, str] = FIELDS
) -> dict[str, str]:
    """Return the facts that may be kept: those whose purpose is granted. Empty ones are left out.

    :param granted: whether a purpose is granted to the visit log.
    :param purposes: of the fields; one that is not among them is not kept.
    """
    wanted = {purposes[name] for name, value in facts.items() if value and name in purposes}
    allowed = {purpose for purpose in wanted if granted(purpose)}
    return {name: value for name, value in facts.items() if value and purposes.get(name) in allowed}


@dataclass(frozen=True, slots=True)
class Permitted:
    """An event together with the decision that permitted it."""

    event: Event
    permit: Allowed
