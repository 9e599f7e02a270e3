"""What panels of trackers say equals what happened, counted by going through the list of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.core.decisions import Reason
from gatekeeper.core.events import Event, EventKind, Permitted
from gatekeeper.core.panels import Panel
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.sites import Site
from gatekeeper.core.trackers import Fault, Outcome
from gatekeeper.panels import gaps, reasons
from gatekeeper.panels.sources import Sources
from gatekeeper.store.contract import Store, Total
from tests.store.things import PERMIT, new_record

from .logged import NOW, TODAY, asked, at, event, log, make, opened, shop, table

DAYS = ["2026-11-14", "2026-11-16", "2026-11-19", TODAY]
NAMES = ["tally", "ad-pixel", "newsletter", "unknown", "gatekeeper"]
OUTCOMES = [outcome.value for outcome in Outcome]
PATHS = ["/", "/tea"]


@pytest.fixture
def site() -> Site:
    return shop()


@pytest.fixture
def store(tmp_path: Path, site: Site) -> Iterator[Store]:
    with opened(tmp_path, site) as store:
        yield store


def cells(panel: Panel, row: str) -> dict[str, Any]:
    """Return one row of a panel by the names of its columns."""
    (found,) = [each for each in panel.rows if each[0] == row]
    return dict(zip([column.id for column in panel.columns], found, strict=True))


def outcome(tracker: str, became: str, reason: str = "granted", day: str = TODAY, **fields: str) -> Event:
    told = {"path": "/", "outcome": became, "reason": reason, **fields}
    return event(SUBJECT, at(day), EventKind.OUTCOME, tracker, **told)


def total(what: str, name: str, reason: str, became: str = "", day: str = TODAY) -> Total:
    return Total("shop", day, what, name, reason, became)


SUBJECT = bytes(range(16))


# --- everything, with each counted once


@dataclass
class History:
    """What happened: events of the log, and totals."""

    events: list[Event] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)

    def outcomes(self, tracker: str, became: str, first: str, *, bot: bool, page: str = "") -> int:
        """Count outcomes from a day on, by going through all that happened."""
        of_log = sum(
            one.kind == "outcome"
            and one.tracker == tracker
            and one.fields["outcome"] == became
            and at(first, 0) <= one.at
            and (one.fields.get("device") == "bot") == bot
            and page in ("", one.fields["path"])
            for one in self.events
        )
        of_totals = sum(
            (one.what, one.name, one.outcome) == ("outcome", tracker, became) and one.day >= first
            for one in self.totals
        )
        return of_log if bot or page else of_log + of_totals

    def hits(self, tracker: str, first: str, *, bot: bool) -> int:
        logged = sum(
            one.kind in {"beacon", "click"}
            and one.tracker == tracker
            and at(first, 0) <= one.at
            and (one.fields.get("device") == "bot") == bot
            for one in self.events
        )
        necessary = sum(
            (one.what, one.name, one.reason) == ("hit", tracker, "necessary") and one.day >= first
            for one in self.totals
        )
        return logged if bot else logged + necessary

    def denied(self, tracker: str, first: str) -> int:
        return sum(
            (one.what, one.name) == ("hit", tracker) and one.reason != "necessary" and one.day >= first
            for one in self.totals
        )


@st.composite
def histories(draw: st.DrawFn, site: str) -> History:
    history = History()
    whose = st.sampled_from(["phone", "bot"])
    days = st.sampled_from(DAYS)
    for no in range(draw(st.integers(0, 15))):
        kind = draw(st.sampled_from([EventKind.OUTCOME, EventKind.OUTCOME, EventKind.BEACON, EventKind.CLICK]))
        told = {"path": draw(st.sampled_from(PATHS)), "device": draw(whose)}
        if kind is EventKind.OUTCOME:
            told |= {
                "outcome": draw(st.sampled_from(OUTCOMES)),
                "reason": draw(st.sampled_from(["granted", "refused"])),
            }
        moment, name = at(draw(days)), draw(st.sampled_from(NAMES))
        history.events.append(Event(no.to_bytes(16, "big"), site, SUBJECT, moment, kind, name, told))
    for _ in range(draw(st.integers(0, 10))):
        what = draw(st.sampled_from(["outcome", "hit", "late", "choice"]))
        became = draw(st.sampled_from(OUTCOMES)) if what == "outcome" else ""
        why = draw(st.sampled_from(["no_choice", "refused", "granted", "necessary"]))
        history.totals.append(Total(site, draw(days), what, draw(st.sampled_from(NAMES)), why, became))
    return history


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), bot=st.booleans(), first=st.sampled_from(DAYS), name=st.sampled_from(NAMES))
def test_every_number_is_what_happened(
    store: Store, site: Site, data: st.DataObject, bot: bool, first: str, name: str
) -> None:
    site = replace(site, id=f"s{os.urandom(10).hex()}")
    history = data.draw(histories(site.id))
    store.record(new_record(SUBJECT, site=site.id))
    store.append_all([Permitted(one, replace(PERMIT, site=site.id)) for one in history.events])
    for one in history.totals:
        store.tally(one)
    store.settle()

    about = asked(first, bot=bot, about=name)
    rows = {row[0]: row for row in make(store, site, "trackers", about).rows}
    for tracker in {*NAMES, *site.trackers} - {"gatekeeper"}:
        expected = [history.outcomes(tracker, became, first, bot=bot) for became in OUTCOMES]
        hits, denied = history.hits(tracker, first, bot=bot), None if bot else history.denied(tracker, first)
        found = list(rows[tracker][5:13]) if tracker in rows else [0] * 8
        assert found == [*expected, hits, denied] or (tracker not in rows and not any(expected) and not hits)
    assert "gatekeeper" not in rows

    by_day = make(store, site, "tracker-by-day", about).rows
    assert sum(row[7] for row in by_day) == history.hits(name, first, bot=bot)
    assert sum(row[8] for row in by_day) == (0 if bot else history.denied(name, first))
    pages = table(make(store, site, "tracker-pages", about))
    for no, became in enumerate(OUTCOMES, start=1):
        n = history.outcomes(name, became, first, bot=bot)
        assert sum(row[no] for row in by_day) == n
        assert cells(make(store, site, "tracker-outcomes", about), became.capitalize())["all"] == n
        for page in PATHS:
            n_of_page = history.outcomes(name, became, first, bot=bot, page=page)
            assert pages.get(page, [0] * len(OUTCOMES))[no - 1] == n_of_page
    blocked = make(store, site, "tracker-blocked", about).rows
    assert sum(row[1] or 0 for row in blocked) == history.outcomes(name, "blocked", first, bot=bot)
    assert sum(row[2] or 0 for row in blocked) == (0 if bot else history.denied(name, first))


def test_what_is_declared_and_silent_is_listed_too(store: Store, site: Site) -> None:
    rows = make(store, site, "trackers", asked()).rows

    assert {row[0] for row in rows} == set(site.trackers)
    assert cells(make(store, site, "trackers", asked()), "ad-pixel") == {
        "tracker": "ad-pixel",
        "state": "Silent",
        "vendor": "AdCo Inc",
        "purpose": "Advertising",
        "kind": "beacon",
        **dict.fromkeys(OUTCOMES, 0),
        "hits": 0,
        "hits_denied": 0,
        "first_day": "",
        "last_day": "",
    }


@pytest.mark.parametrize(
    ("became", "state"),
    [
        (["loaded", "failed"], "Fires"),
        (["requested"], "Fires"),
        (["failed", "failed", "loaded"], "Mostly fails"),
        (["loaded", "slipped"], "Slipped through"),
        (["blocked"], "Only blocked"),
        (["released"], "Released"),
    ],
)
def test_the_state_says_what_needs_an_eye_first(store: Store, site: Site, became: list[str], state: str) -> None:
    log(store, [outcome("tally", one) for one in became])

    assert cells(make(store, site, "trackers", asked()), "tally")["state"] == state


def test_the_first_and_last_day_come_from_events_and_totals(store: Store, site: Site) -> None:
    log(store, [outcome("tally", "loaded", day="2026-11-18"), outcome("tally", "loaded", day="2026-11-01")])
    store.tally(total("outcome", "tally", "refused", "blocked", day="2026-11-20"))

    row = cells(make(store, site, "trackers", asked()), "tally")

    assert (row["first_day"], row["last_day"]) == ("2026-11-18", "2026-11-20")


def test_a_tracker_that_is_no_longer_declared_keeps_its_row_and_its_page(store: Store, site: Site) -> None:
    log(store, [outcome("old-pixel", "blocked", "fail_closed")])

    panel = make(store, site, "trackers", asked())

    row = cells(panel, "old-pixel")
    assert (row["vendor"], row["blocked"]) == ("not declared", 1)
    assert "trackers/old-pixel" in panel.links


# --- reasons


def test_every_reason_outcome_and_fault_has_its_own_sentences() -> None:
    tables = [reasons.REASONS, reasons.OUTCOMES, reasons.FAULTS]

    assert [set(one) for one in tables] == [set(Reason), set(Outcome), set(Fault)]
    every = [words for one in tables for words in one.values()] + [reasons.UNTOLD, reasons.STOPPED]
    assert len({words.title for words in every}) == len({words.means for words in every}) == len(every)
    for words in every:
        assert words.means.endswith(".")
        assert words.mend == "" or words.mend.endswith(".")
    assert all(reasons.REASONS[reason].mend for reason in reasons.DENYING)


def test_only_reasons_that_deny_are_listed_as_denying() -> None:
    assert set(reasons.DENYING) == set(Reason) - {Reason.GRANTED, Reason.NECESSARY}
    assert set(reasons.DENYING) >= reasons.OF_NOBODY


def test_reasons_are_told_in_words_with_hits_beside(store: Store, site: Site) -> None:
    log(store, [outcome("tally", "blocked", "refused")])
    store.tally(total("outcome", "tally", "refused", "blocked"), 4)
    store.tally(total("hit", "ad-pixel", "no_choice"), 7)

    panel = make(store, site, "trackers-blocked", asked())

    assert cells(panel, "Refused") == {
        "reason": "Refused",
        "blocked": 5,
        "hits_denied": 0,
        "means": reasons.REASONS[Reason.REFUSED].means,
    }
    assert cells(panel, "Not answered")["hits_denied"] == 7


def test_what_the_undecided_were_spared_is_not_measured_unless_the_site_counts_it(store: Store, site: Site) -> None:
    log(store, [outcome("tally", "blocked", "refused")])

    silent = make(store, site, "trackers-blocked", asked())
    counting = make(store, replace(site, anonymous_totals=True), "trackers-blocked", asked())

    assert [cells(silent, name)["blocked"] for name in ("Not answered", "Withdrawn")] == [None, None]
    assert "not measured" in silent.note
    assert [row[0] for row in counting.rows] == ["Refused"]
    assert "Everybody" in counting.note


def test_what_was_allowed_and_blocked_all_the_same_met_a_policy(store: Store, site: Site) -> None:
    log(store, [outcome("tally", "blocked", "granted")])

    assert cells(make(store, site, "trackers-blocked", asked()), "Allowed, but stopped")["blocked"] == 1


# --- what is not declared


def test_what_staff_met_is_listed_with_its_days(store: Store, site: Site) -> None:
    seen = {
        Sighting("shop", "2026-11-17", Seen.SCRIPT, "cdn.new.test", "/tea"): 2,
        Sighting("shop", "2026-11-20", Seen.IMAGE, "px.new.test", "/"): 1,
        Sighting("shop", "2026-11-01", Seen.IMAGE, "px.new.test", "/"): 50,
        Sighting("shop", "2026-11-20", Seen.COOKIE, "_strange"): 3,
    }
    store.see(seen)

    panel = make(store, site, "undeclared", asked())

    assert cells(panel, "new.test") == {
        "name": "new.test",
        "used": "script, image",
        "hosts": "cdn.new.test, px.new.test",
        "times": 3,
        "first_day": "2026-11-17",
        "last_day": "2026-11-20",
        "pages": "/tea, /",
    }
    assert cells(panel, "_strange")["times"] == 3


def test_what_a_tracker_keeps_is_told_as_declared_and_as_found(store: Store, site: Site) -> None:
    table = {
        "kind": "script",
        "purpose": "marketing",
        "vendor": "adco",
        "hosts": ["connect.facebook.net"],
        "retention_days": 30,
        "description": "Ads.",
        "cookies": [{"name": "_fbp", "days": 90}],
    }
    site = shop(trackers={"meta": table})
    store.see({Sighting("shop", TODAY, Seen.COOKIE, "_fbc"): 2, Sighting("shop", TODAY, Seen.COOKIE, "other"): 2})

    rows = make(store, site, "tracker-kept", asked(about="meta")).rows

    assert rows == (("_fbp", "for 90 days", None, ""), ("_fbc", "not declared", 2, TODAY))


# --- coverage


def views(n: int, day: str = TODAY, **fields: str) -> list[Event]:
    return [event(SUBJECT, at(day, 1000 * no), path="/", **fields) for no in range(n)]


def test_coverage_is_the_part_of_page_views_with_a_guard_report(store: Store, site: Site) -> None:
    reports = [outcome("gatekeeper", "loaded") for _ in range(3)]
    log(store, [*views(4), *views(2, "2026-11-18"), *reports, outcome("gatekeeper", "failed", "not_first")])

    rows = make(store, site, "coverage", asked()).rows
    (page,) = make(store, site, "coverage-pages", asked()).rows
    (fault,) = make(store, site, "guard-faults", asked()).rows

    assert rows == (("2026-11-18", 2, None, None), (TODAY, 4, 3, 0.75))
    assert page == ("/", 6, 3, 0.5)
    assert fault[:2] == ("Not the first script", 1)
    assert gaps.coverage(Sources(site, store, NOW), asked()) == 0.75


def test_without_any_guard_report_coverage_is_not_measured(store: Store, site: Site) -> None:
    log(store, views(4))

    assert [row[2:] for row in make(store, site, "coverage", asked()).rows] == [(None, None)]
    assert make(store, site, "coverage-pages", asked()).missing
    assert gaps.coverage(Sources(site, store, NOW), asked()) is None
    assert steps(store, site, "tally")["unreported"] is None


# --- the gap


def steps(store: Store, site: Site, tracker: str, **more: Any) -> dict[str, int | None]:
    found = gaps.steps_of(Sources(site, store, NOW), asked(about=tracker, **more))
    return {step.id: step.n for step in found}


def test_the_way_from_page_views_to_the_vendor_has_every_step(store: Store, site: Site) -> None:
    site = replace(site, anonymous_totals=True)
    told = {"released": 5, "requested": 4, "loaded": 3, "failed": 2, "slipped": 1}
    happened = [outcome("tally", became) for became, n in told.items() for _ in range(n)]
    machines = [outcome("tally", "loaded", device="bot") for _ in range(6)]
    log(store, [*views(9), *happened, *machines, *[outcome("gatekeeper", "loaded") for _ in range(7)]])
    store.tally(total("outcome", "gatekeeper", "granted", "loaded"), 8)
    for reason, n in {"no_choice": 20, "refused": 30, "withdrawn": 2, "signal": 4}.items():
        store.tally(total("outcome", "visit", reason, "blocked"), n)
    for reason, n in {"no_choice": 19, "refused": 29, "withdrawn": 1, "signal": 3, "granted": 5}.items():
        store.tally(total("outcome", "tally", reason, "blocked"), n)

    assert steps(store, site, "tally") == {
        "visits": 1,
        "views": 9,
        "views_granted": 8,
        "views_unanswered": 20,
        "views_refused": 30,
        "views_withdrawn": 2,
        "views_objected": 4,
        "held_unanswered": 19,
        "held_refused": 29,
        "held_withdrawn": 1,
        "held_objected": 3,
        "held_policy": 5,
        **told,
        "hits": 0,
        "hits_denied": 0,
        "reached": 3,
        "machines_reached": 6,
        "unreported": 2,
    }


def test_without_anonymous_totals_those_who_agree_to_nothing_are_not_measured(store: Store, site: Site) -> None:
    log(store, [*views(2), outcome("tally", "blocked", "refused")])

    found = steps(store, site, "tally")

    unmeasured = {"views_unanswered", "views_refused", "views_withdrawn", "views_objected"}
    unmeasured |= {"held_unanswered", "held_withdrawn", "unreported"}
    assert {name for name, n in found.items() if n is None} == unmeasured
    assert found["held_refused"] == 1


@pytest.mark.parametrize(
    ("became", "reached"),
    [
        ({"released": 3, "loaded": 2, "requested": 9}, (2, "loaded")),
        ({"released": 3, "failed": 3}, (0, "loaded")),
        ({"requested": 4}, (4, "requested")),
        ({"released": 2}, (2, "released")),
        ({}, (0, "released")),
    ],
)
def test_what_reached_the_vendor_is_taken_from_what_its_tags_tell(
    store: Store, site: Site, became: dict[str, int], reached: tuple[int, str]
) -> None:
    log(store, [outcome("tally", one) for one, n in became.items() for _ in range(n)])
    step = {step.id: step for step in gaps.steps_of(Sources(site, store, NOW), asked(about="tally"))}["reached"]

    assert (step.n, step.means) == (reached[0], f"Taken from what pages told: {reached[1]}.")


def test_own_beacons_are_counted_where_they_arrive_logged_or_not(store: Store, site: Site) -> None:
    log(store, [event(SUBJECT, at(TODAY), EventKind.BEACON, "seen")])
    store.tally(total("hit", "seen", "refused"), 4)
    store.tally(total("hit", "seen", "necessary"), 2)

    found = steps(store, site, "seen")

    assert (found["hits"], found["hits_denied"], found["reached"]) == (3, 4, 7)


def settled(vendor: int, **n: int) -> tuple[list[int], int]:
    found = gaps.settle(vendor, [gaps.Step(id, id, count, "") for id, count in n.items()])
    assert sum(part.n for part in found.parts) + found.unexplained == vendor
    return [part.n for part in found.parts], found.unexplained


@pytest.mark.parametrize(
    ("vendor", "parts", "unexplained"),
    [
        (100, [100, 0, 0, 0], 0),
        (103, [100, 0, 3, 0], 0),
        (112, [100, 0, 10, 2], 0),
        (120, [100, 0, 10, 5], 5),
        (80, [100, 0, 0, 0], -20),
        (0, [100, 0, 0, 0], -100),
    ],
)
def test_a_vendors_number_is_told_apart_and_the_rest_is_unexplained(
    vendor: int, parts: list[int], unexplained: int
) -> None:
    assert settled(vendor, reached=100, slipped=0, machines_reached=10, unreported=5) == (parts, unexplained)


@given(st.integers(0, 10**6), *[st.integers(0, 10**6)] * 4)
def test_the_parts_and_the_rest_always_add_up(
    vendor: int, reached: int, slipped: int, machines: int, pages: int
) -> None:
    parts, unexplained = settled(vendor, reached=reached, slipped=slipped, machines_reached=machines, unreported=pages)

    assert parts[2] <= machines
    assert parts[3] <= pages
    assert unexplained <= max(0, vendor - reached - slipped - machines - pages)


def test_the_share_that_is_unexplained_is_of_the_vendors_number() -> None:
    steps = [
        gaps.Step(id, id, n, "")
        for id, n in {"reached": 80, "slipped": 0, "machines_reached": 0, "unreported": 0}.items()
    ]

    assert gaps.settle(100, steps).share == 0.2
    assert gaps.settle(0, steps).share is None


@pytest.mark.parametrize(("name", "state"), [("basket", "Not counted"), ("tally", "Silent"), ("newsletter", "Silent")])
def test_what_cannot_be_met_is_not_called_silent(store: Store, site: Site, name: str, state: str) -> None:
    assert cells(make(store, site, "trackers", asked()), name)["state"] == state


def test_the_chart_by_day_has_a_line_for_each_that_there_was_any_of(store: Store, site: Site) -> None:
    log(store, [outcome("tally", "loaded"), event(SUBJECT, at(TODAY), EventKind.BEACON, "tally")])
    store.tally(total("hit", "tally", "refused"))

    panel = make(store, site, "tracker-by-day", asked(about="tally"))

    assert panel.chart is not None
    assert panel.chart.series == ("loaded", "hits", "hits_denied")
    assert cells(panel, TODAY) | {"day": ""} == {
        "day": "",
        **dict.fromkeys(OUTCOMES, 0),
        "loaded": 1,
        "hits": 1,
        "hits_denied": 1,
    }
    assert [row[0] for row in panel.rows] == [f"2026-11-{day}" for day in range(16, 23)]
