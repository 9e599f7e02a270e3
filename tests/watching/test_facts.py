"""What the rules look at comes from the counts, all of them."""

import pytest

from gatekeeper.core.alerts import Limits
from gatekeeper.core.events import EventKind
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.sites import Site
from gatekeeper.store.contract import Store, Total
from gatekeeper.watching.facts import Pulses, gather
from gatekeeper.watching.rules import Pulse
from tests.store.things import PERMIT, new_event, new_id, new_record

from .conftest import DAY, NOON

TODAY = "2026-11-22"


@pytest.fixture
def visitor(store: Store) -> bytes:
    subject = new_id()
    store.record(new_record(subject, at=NOON - DAY))
    return subject


def told(store: Store, visitor: bytes, outcome: str, tracker: str = "ads", at: int = NOON) -> None:
    fields = {"path": "/", "outcome": outcome, "reason": "granted"}
    event = new_event(visitor, at=at, kind=EventKind.OUTCOME, tracker=tracker, fields=fields)
    store.append(event, PERMIT)


def test_what_visitors_who_agreed_tell_is_counted_with_the_rest(
    store: Store, sites: dict[str, Site], visitor: bytes
) -> None:
    store.append(new_event(visitor, at=NOON), PERMIT)
    for outcome in ("requested", "requested", "loaded", "slipped", "blocked"):
        told(store, visitor, outcome)
    told(store, visitor, "loaded", at=NOON - DAY)
    store.tally(Total("shop", TODAY, "outcome", "ads", "refused", "slipped"), 4)
    store.tally(Total("shop", TODAY, "outcome", "ads", "granted", "requested"), 5)
    store.tally(Total("shop", TODAY, "choice", "granted", notice=1), 7)
    store.tally(Total("shop", TODAY, "choice", "granted", outcome="partial", notice=1), 2)
    store.tally(Total("shop", TODAY, "choice", "refused", notice=1), 3)
    store.tally(Total("shop", TODAY, "hit", "ads", "refused"), 99)
    seen = Sighting("shop", TODAY, Seen.SCRIPT, "new.test", "/x.js")
    store.see({seen: 2})
    store.settle()

    facts = gather(sites["shop"], Limits(), store, Pulses(), now=NOON)

    assert facts.signs == {TODAY: {"ads": 7}, "2026-11-21": {"ads": 1}}
    assert facts.slipped[TODAY] == {"ads": 5}
    assert facts.views == {TODAY: 1}
    assert facts.choices == {TODAY: {"granted": 9, "refused": 3}}
    assert facts.sightings == {seen: 2}
    assert facts.check is None


def test_machines_are_not_looked_at(store: Store, sites: dict[str, Site], visitor: bytes) -> None:
    fields = {"path": "/", "outcome": "slipped", "reason": "refused", "device": "bot"}
    store.append(new_event(visitor, at=NOON, kind=EventKind.OUTCOME, tracker="ads", fields=fields), PERMIT)
    store.settle()

    assert gather(sites["shop"], Limits(), store, Pulses(), now=NOON).slipped == {}


def test_a_pulse_is_when_a_count_last_grew(sites: dict[str, Site]) -> None:
    pulses, site = Pulses(), sites["shop"]

    def feel(now: int, signs: int, views: int, day: str = TODAY) -> Pulse:
        return pulses.feel(site, {TODAY: {"ads": 10}, day: {"ads": signs}}, {TODAY: 100, day: views}, now=now)["ads"]

    assert feel(NOON, 10, 100) == Pulse(NOON, 0)
    assert feel(NOON + 300, 10, 120) == Pulse(NOON, 20)
    assert feel(NOON + 600, 10, 130) == Pulse(NOON, 30)
    assert feel(NOON + 900, 11, 150) == Pulse(NOON + 900, 0)
    # The next day begins from nothing, which is no sign of life.
    assert feel(NOON + DAY, 0, 40, "2026-11-23") == Pulse(NOON + 900, 40)
    assert feel(NOON + DAY + 300, 1, 50, "2026-11-23") == Pulse(NOON + DAY + 300, 0)
