"""Panels of the overview: their numbers are those of what happened, and what nobody measured is no number."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatekeeper.core.days import days_between
from gatekeeper.core.events import Event, EventKind
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.panels import Hidden, Panel
from gatekeeper.core.rollups import What
from gatekeeper.core.sites import Site, notice_content
from gatekeeper.core.trackers import fires_as
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.store.contract import Store, Total
from tests import oracle

from .logged import asked, at, event, log, make, opened, shop, table, wander

FIRST, LAST = "2026-11-16", "2026-11-22"
BEFORE_FIRST, BEFORE_LAST = "2026-11-09", "2026-11-15"
BEGUN = "2026-11-01"
WEEK = asked(FIRST, LAST)
IDS = [listed.id for listed in PANELS.values() if listed.page == "overview"]
PURPOSES = ("functional", "analytics", "marketing")


def published(site: Site, day: str = BEGUN) -> Site:
    """Return a site that has published two notices, the first on a day."""
    content = notice_content(site)
    days = (day, max(day, "2026-11-12"))
    return site.with_notices(Notice("shop", no, content, days[no - 1], content_hash(content)) for no in (1, 2))


@pytest.fixture(scope="module")
def site() -> Site:
    return published(shop(anonymous_totals=True))


@pytest.fixture(scope="module")
def happened() -> list[Event]:
    """Three weeks, of which the first is asked about by nobody."""
    random = Random(11)
    events = wander(random, days_between("2026-11-02", LAST), 40)
    subject, machine = bytes(16), bytes([1] * 16)
    for day in days_between("2026-11-02", LAST):
        for second in range(random.randrange(3, 9)):
            path = {"path": "/tea"}
            for tracker, outcome, reason in (
                ("tally", "released", "granted"),
                ("tally", random.choice(["loaded", "failed"]), "granted"),
                ("video", "requested", "granted"),
                ("ad-pixel", random.choice(["released", "blocked"]), "refused"),
                ("unknown", random.choice(["blocked", "slipped"]), ""),
                ("gatekeeper", "failed", "late"),
            ):
                told = {"outcome": outcome, "reason": reason, **path}
                events.append(event(subject, at(day, 40_000 + second), EventKind.OUTCOME, tracker, **told))
            money = {"event": random.choice(["purchase", "donation"]), "currency": random.choice(["EUR", "CHF", ""])}
            worth = {"value": random.choice(["19.99", "0.5"])} if money["currency"] else {}
            events.append(event(subject, at(day, 40_100 + second), EventKind.EVENT, **money, **worth))
        events.append(event(machine, at(day, 50_000), device="bot", path="/robots"))
    return sorted(events, key=lambda each: each.at)


@pytest.fixture(scope="module")
def counted() -> list[tuple[Total, int]]:
    """What is tallied on those days."""
    random, found = Random(3), []
    for day in days_between("2026-11-02", LAST):
        no = 1 if day < "2026-11-12" else 2
        for state, outcome in (("granted", ""), ("granted", "partial"), ("refused", ""), ("withdrawn", "")):
            found.append((Total("shop", day, "choice", state, outcome=outcome, notice=no), random.randrange(1, 30)))
        for purpose in PURPOSES:
            for state in ("granted", "refused", "withdrawn"):
                told = Total("shop", day, "purpose", purpose, outcome=state, notice=no)
                found.append((told, random.randrange(1, 30)))
        for name, reason, outcome in (("tally", "no_choice", "blocked"), ("tally", "granted", "loaded")):
            found.append((Total("shop", day, "outcome", name, reason, outcome), random.randrange(1, 30)))
        for name, reason in (("seen", "refused"), ("seen", "no_choice"), ("newsletter", "necessary")):
            found.append((Total("shop", day, "hit", name, reason), random.randrange(1, 30)))
        found.append((Total("shop", day, "late", "newsletter"), 5))
    return found


@pytest.fixture(scope="module")
def store(
    tmp_path_factory: pytest.TempPathFactory, site: Site, happened: list[Event], counted: list[tuple[Total, int]]
) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("overview"), site) as opened_store:
        log(opened_store, happened)
        for total, n in counted:
            opened_store.tally(total, n)
        yield opened_store


def within(first: str, last: str, counted: list[tuple[Total, int]], **told: Any) -> int:
    """Add up totals of some days, by what their fields say."""
    return sum(
        n
        for total, n in counted
        if first <= total.day <= last and all(getattr(total, name) == value for name, value in told.items())
    )


def beside(now: int, before: int) -> tuple[int, int, Any]:
    return now, before, pytest.approx((now - before) / before) if before else "new" if now else 0.0


def of_log(events: list[Event], first: str, last: str, what: str, *, bot: bool = False) -> Counter[tuple[str, ...]]:
    """Count things of a kind on some days, by what follows the day."""
    found: Counter[tuple[str, ...]] = Counter()
    for (kind, who, day, *rest), n in oracle.counts(events, "UTC").items():
        if kind == what and who == ("bot" if bot else "human") and first <= day <= last:
            found[*rest] += n
    return found


def test_choices_are_those_that_were_given(store: Store, site: Site, counted: list[tuple[Total, int]]) -> None:
    def of(**told: str) -> tuple[int, int, Any]:
        return beside(
            within(FIRST, LAST, counted, what="choice", **told),
            within(BEFORE_FIRST, BEFORE_LAST, counted, what="choice", **told),
        )

    assert table(make(store, site, "choices", WEEK)) == {
        "Accepted all": of(name="granted", outcome=""),
        "Accepted some": of(name="granted", outcome="partial"),
        "Refused all": of(name="refused"),
        "Withdrawn": of(name="withdrawn"),
    }


def test_choices_by_day_are_those_of_the_day(store: Store, site: Site, counted: list[tuple[Total, int]]) -> None:
    def of(day: str, **told: str) -> int:
        return within(day, day, counted, what="choice", **told)

    assert table(make(store, site, "choices-by-day", WEEK)) == {
        day: (
            of(day, name="granted", outcome=""),
            of(day, name="granted", outcome="partial"),
            of(day, name="refused"),
            of(day, name="withdrawn"),
        )
        for day in days_between(FIRST, LAST)
    }


def rates(first: str, last: str, counted: list[tuple[Total, int]], state: str, **told: Any) -> list[int]:
    return [within(first, last, counted, **told, **{state: each}) for each in ("granted", "refused", "withdrawn")]


def with_rates(now: list[int], before: list[int]) -> tuple[Any, ...]:
    this, that = (each[0] / (each[0] + each[1]) if each[0] + each[1] else None for each in (now, before))
    change = None if this is None or that is None else pytest.approx(this - that)
    return (*now, this and pytest.approx(this), that and pytest.approx(that), change)


def test_choices_by_purpose_are_what_was_said_of_it(store: Store, site: Site, counted: list[tuple[Total, int]]) -> None:
    told = table(make(store, site, "choices-by-purpose", WEEK))

    assert told == {
        site.purposes[purpose].title: with_rates(
            rates(FIRST, LAST, counted, "outcome", what="purpose", name=purpose),
            rates(BEFORE_FIRST, BEFORE_LAST, counted, "outcome", what="purpose", name=purpose),
        )
        for purpose in PURPOSES
    }


def test_choices_by_notice_are_those_given_under_it(store: Store, site: Site, counted: list[tuple[Total, int]]) -> None:
    told = table(make(store, site, "choices-by-notice", WEEK))

    assert [*told] == ["Notice 2", "Notice 1"]
    assert told == {
        f"Notice {no}": with_rates(
            rates(FIRST, LAST, counted, "name", what="choice", notice=no),
            rates(BEFORE_FIRST, BEFORE_LAST, counted, "name", what="choice", notice=no),
        )
        for no in (1, 2)
    }


def test_the_choice_rate_is_of_those_who_answered(store: Store, site: Site, counted: list[tuple[Total, int]]) -> None:
    def rate(first: str, last: str, **told: str) -> float:
        granted = within(first, last, counted, what="choice", name="granted", **told)
        asked_for = sum(within(first, last, counted, what="choice", name=name) for name in ("granted", "refused"))
        return granted / asked_for

    something = [rate(*days) for days in ((FIRST, LAST), (BEFORE_FIRST, BEFORE_LAST))]
    everything = [rate(*days, outcome="") for days in ((FIRST, LAST), (BEFORE_FIRST, BEFORE_LAST))]
    assert table(make(store, site, "rates", WEEK)) == {
        title: (pytest.approx(now), pytest.approx(before), pytest.approx(now - before))
        for title, (now, before) in (("Accepted something", something), ("Accepted all", everything))
    }


#: By which outcome it is known that a tracker of the test fired.
FIRED = {"tally": "loaded", "video": "requested", "ad-pixel": "released"}


def fired(events: list[Event], counted: list[tuple[Total, int]], first: str, last: str) -> int:
    logged = sum(
        n
        for (tracker, outcome, _), n in of_log(events, first, last, "outcome").items()
        if FIRED.get(tracker) == outcome
    )
    others = within(first, last, counted, what="outcome", outcome="loaded")
    return logged + others + of_log(events, first, last, "beacon").total()


def blocked(events: list[Event], counted: list[tuple[Total, int]], first: str, last: str) -> int:
    logged = sum(n for (_, outcome, _), n in of_log(events, first, last, "outcome").items() if outcome == "blocked")
    hits = sum(within(first, last, counted, what="hit", reason=reason) for reason in ("refused", "no_choice"))
    return logged + within(first, last, counted, what="outcome", outcome="blocked") + hits


def test_at_a_glance_stands_what_happened(
    store: Store, site: Site, happened: list[Event], counted: list[tuple[Total, int]]
) -> None:
    spans = ((FIRST, LAST), (BEFORE_FIRST, BEFORE_LAST))

    def of(what: str) -> tuple[int, int, Any]:
        return beside(*(of_log(happened, *days, what).total() for days in spans))

    assert table(make(store, site, "glance", WEEK)) == {
        "Choices": beside(*(within(*days, counted, what="choice") for days in spans)),
        "Visits": of("visit"),
        "Visitors": beside(*(oracle.visitors(happened, "UTC", *days) for days in spans)),
        "Page views": of("page"),
        "Trackers fired": beside(*(fired(happened, counted, *days) for days in spans)),
        "Trackers blocked": beside(*(blocked(happened, counted, *days) for days in spans)),
        "Conversions": of("event"),
    }


def test_outcomes_are_those_that_pages_told(
    store: Store, site: Site, happened: list[Event], counted: list[tuple[Total, int]]
) -> None:
    spans = ((FIRST, LAST), (BEFORE_FIRST, BEFORE_LAST))

    def of(outcome: str) -> tuple[int, int, Any]:
        numbers = []
        for days in spans:
            logged = of_log(happened, *days, "outcome").items()
            numbers.append(sum(n for (tracker, told, _), n in logged if told == outcome and tracker != "gatekeeper"))
            numbers[-1] += within(*days, counted, what="outcome", outcome=outcome)
        return beside(*numbers)

    not_logged = [
        sum(within(*days, counted, what="hit", reason=reason) for reason in ("refused", "no_choice")) for days in spans
    ]
    others = [within(*days, counted, what="outcome", outcome="blocked") for days in spans]
    assert table(make(store, site, "outcomes", WEEK)) == {
        "Released": of("released"),
        "Requested": of("requested"),
        "Loaded": of("loaded"),
        "Failed": of("failed"),
        "Blocked": of("blocked"),
        "Slipped through": of("slipped"),
        "Beacons let through": beside(*(of_log(happened, *days, "beacon").total() for days in spans)),
        "Hits that were not logged": beside(*not_logged),
        "Blocked without a log": beside(*others),
    }


def test_trackers_by_day_are_those_of_the_day(
    store: Store, site: Site, happened: list[Event], counted: list[tuple[Total, int]]
) -> None:
    told = table(make(store, site, "trackers-by-day", WEEK))

    def slipped(day: str) -> int:
        return sum(n for (_, outcome, _), n in of_log(happened, day, day, "outcome").items() if outcome == "slipped")

    assert told == {
        day: (fired(happened, counted, day, day), blocked(happened, counted, day, day), slipped(day))
        for day in days_between(FIRST, LAST)
    }


def test_a_beacon_that_its_page_tells_of_too_has_fired_once(tmp_path: Path, site: Site) -> None:
    outcomes = [
        event(bytes(16), at(LAST) + 1, EventKind.OUTCOME, "seen", outcome=told, reason="granted")
        for told in ("released", "loaded")
    ]
    with opened(tmp_path, site) as fresh:
        log(fresh, [*outcomes, event(bytes(16), at(LAST) + 2, EventKind.BEACON, "seen")])
        fresh.tally(Total("shop", LAST, "outcome", "seen", "granted", "loaded"))

        assert table(make(fresh, site, "glance", WEEK))["Trackers fired"][0] == 1
        assert table(make(fresh, site, "trackers-by-day", WEEK))[LAST] == (1, 0, 0)


FIRES = [
    ({"released", "requested", "loaded"}, "loaded"),
    ({"released", "failed"}, "loaded"),
    ({"released", "requested"}, "requested"),
    ({"released", "blocked"}, "released"),
    ({"blocked"}, "released"),
]


@pytest.mark.parametrize(("outcomes", "told"), FIRES)
def test_a_tracker_has_fired_as_far_as_it_ever_tells(outcomes: set[str], told: str) -> None:
    assert fires_as(outcomes) == told


COMPARED = [("visits-compared", "visit"), ("views-compared", "page"), ("conversions-compared", "event")]


@pytest.mark.parametrize(("id", "what"), COMPARED)
def test_each_day_stands_beside_the_same_of_the_week_before(
    store: Store, site: Site, happened: list[Event], id: str, what: str
) -> None:
    def of(day: str) -> int:
        return of_log(happened, day, day, what).total()

    days = zip(days_between(FIRST, LAST), days_between(BEFORE_FIRST, BEFORE_LAST), strict=True)
    assert table(make(store, site, id, WEEK)) == {day: (of(day), of(before)) for day, before in days}


def test_conversions_have_what_they_are_worth_in_each_currency(store: Store, site: Site, happened: list[Event]) -> None:
    spans = ((FIRST, LAST), (BEFORE_FIRST, BEFORE_LAST))
    now, before = (of_log(happened, *days, "event") for days in spans)
    worth: list[Counter[tuple[str, str]]] = [Counter(), Counter()]
    for (kind, who, day, *rest), value in oracle.sums(happened, "UTC").items():
        for of, (first, last) in zip(worth, spans, strict=True):
            if kind == "event" and who == "human" and first <= day <= last:
                of[rest[0], rest[1]] += value

    told = {(row[0], row[4]): row for row in make(store, site, "conversions", WEEK).rows}

    assert told == {
        (name, currency or "–"): (
            name,
            *beside(now[name, currency], before[name, currency]),
            currency or "–",
            *(pytest.approx(of[name, currency] / 10_000) if currency else None for of in worth),
        )
        for name, currency in {**now, **before}
    }


def test_machines_are_counted_by_themselves_and_their_choices_not_at_all(
    store: Store, site: Site, happened: list[Event]
) -> None:
    machines = replace(WEEK, bot=True)

    glance = table(make(store, site, "glance", machines))
    assert glance["Page views"][:2] == (7, 7) == (of_log(happened, FIRST, LAST, "page", bot=True).total(),) * 2
    assert glance["Choices"] == (None, None, None)
    assert glance["Trackers blocked"][:2] == (0, 0)
    for id in ("rates", "choices", "choices-by-day", "choices-by-purpose", "choices-by-notice"):
        panel = make(store, site, id, machines)
        assert panel.rows == ()
        assert "machines" in panel.missing


def test_filters_count_the_visits_that_have_what_they_ask_for(store: Store, site: Site, happened: list[Event]) -> None:
    where = {What.BROWSER: "Firefox 146"}
    told = table(make(store, site, "visits-compared", replace(WEEK, where=where)))

    def of(day: str) -> Any:
        n = sum(oracle.filtered(happened, "UTC", day, day, What.VISIT, where).values())
        return Hidden.FEW if 0 < n < 10 else n

    days = zip(days_between(FIRST, LAST), days_between(BEFORE_FIRST, BEFORE_LAST), strict=True)
    assert told == {day: (of(day), of(before)) for day, before in days}
    assert any(isinstance(n, int) for row in told.values() for n in row)


def test_a_filter_that_few_pass_tells_of_none(store: Store, site: Site) -> None:
    rare = replace(WEEK, where={What.BROWSER: "Lynx 2", What.LANGUAGE: "ga"})

    told = [cell for row in make(store, site, "visits-compared", rare).rows for cell in row[1:]]
    glance = table(make(store, site, "glance", rare))

    assert set(told) <= {0, Hidden.FEW}
    assert {type(cell) for cell in glance["Visits"][:2]} <= {Hidden, int}
    assert all(cell is Hidden.FEW or cell == 0 or cell >= 10 for cell in glance["Visits"][:2])
    assert glance["Visits"][2] is None
    assert glance["Visitors"] == (None, None, None)


@pytest.mark.parametrize("totals", [True, False])
def test_of_those_who_did_not_agree_nothing_is_measured_where_the_site_does_not_count_them(
    store: Store, totals: bool
) -> None:
    panel = make(store, published(shop(anonymous_totals=totals)), "outcomes", WEEK)

    measured = table(panel)["Blocked without a log"]
    assert (measured == (None, None, None)) is not totals
    assert ("anonymous totals are off" in panel.note) is not totals


def test_before_anything_was_counted_is_not_zero(tmp_path: Path) -> None:
    begun = "2026-11-19"
    site = published(shop(), begun)
    with opened(tmp_path, site) as empty:
        told = {id: make(empty, site, id, WEEK) for id in IDS}

    for id in ("visits-compared", "views-compared", "conversions-compared"):
        assert {row[0]: row[1] for row in told[id].rows} == {
            day: 0 if day >= begun else None for day in days_between(FIRST, LAST)
        }
        assert {row[2] for row in told[id].rows} == {None}
    for id in ("choices-by-day", "trackers-by-day"):
        assert {row[0]: set(row[1:]) for row in told[id].rows} == {
            day: {0} if day >= begun else {None} for day in days_between(FIRST, LAST)
        }
    assert {row[1:] for row in told["glance"].rows} == {(0, None, None)}
    assert {row[1:] for row in told["rates"].rows} == {(None, None, None)}
    assert "Counting began on 2026-11-19." in told["glance"].note


def test_days_that_have_not_come_are_not_zero(store: Store, site: Site) -> None:
    later = asked("2026-11-20", "2026-11-26")

    told = {row[0]: row[1] for row in make(store, site, "views-compared", later).rows}

    assert [told[day] is None for day in days_between("2026-11-20", "2026-11-26")] == [False] * 3 + [True] * 4


def test_a_first_week_has_nothing_beside_it(tmp_path: Path) -> None:
    site = published(shop(), FIRST)
    subject = bytes(16)
    with opened(tmp_path, site) as fresh:
        log(fresh, [event(subject, at(FIRST), path="/")])
        assert table(make(fresh, site, "glance", WEEK))["Page views"] == (1, None, None)


CHANGES = [(5, 4, pytest.approx(0.25)), (0, 4, -1.0), (4, 0, "new"), (0, 0, 0.0)]


@pytest.mark.parametrize(("now", "before", "change"), CHANGES)
def test_a_change_is_a_part_of_what_was_before(tmp_path: Path, now: int, before: int, change: Any) -> None:
    site = published(shop())
    with opened(tmp_path, site) as counting:
        for day, n in ((FIRST, now), (BEFORE_LAST, before)):
            counting.tally(Total("shop", day, "choice", "refused", notice=1), n)

        assert table(make(counting, site, "choices", WEEK))["Refused all"] == (now, before, change)


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("length", [1, 28, 400])
def test_every_panel_is_whole_over_any_range(store: Store, site: Site, id: str, length: int) -> None:
    first = (date.fromisoformat(LAST) - timedelta(days=length - 1)).isoformat()

    panel: Panel = make(store, site, id, asked(first, LAST))

    assert panel.id == id
    assert panel.title == PANELS[id].title
    assert all(len(row) == len(panel.columns) for row in panel.rows)
    assert len(panel.links) in {0, len(panel.rows)}
    ids = [column.id for column in panel.columns]
    assert len(set(ids)) == len(ids)
    assert panel.chart is None or {panel.chart.across, *panel.chart.series} <= set(ids)
    by_day = panel.columns[0].id == "day"
    assert not by_day or [row[0] for row in panel.rows] == [*days_between(first, LAST)]


def test_a_site_without_notices_has_an_overview_too(tmp_path: Path) -> None:
    site = shop()
    with opened(tmp_path, site) as empty:
        for id in IDS:
            make(empty, site, id, WEEK)
