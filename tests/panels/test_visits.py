"""Panels of visits: their numbers are those of the events, told apart no finer than groups allow."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gatekeeper.core.days import days_between
from gatekeeper.core.events import Event
from gatekeeper.core.panels import Hidden
from gatekeeper.core.rollups import FACETS, What
from gatekeeper.core.sites import Site
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.store.contract import Store
from tests import oracle

from .logged import FACET_OF, asked, at, event, log, make, opened, shop, table, wander

FIRST, LAST = "2026-11-16", "2026-11-22"
REST = "(others)"
#: What those are called that have none.
EMPTY = {
    "referrers": "(no other site)",
    "campaigns": "(none)",
    "campaign-sources": "(none)",
    "campaign-mediums": "(none)",
}
PEOPLE = set(FACET_OF) - {"entries", "exits", "new-and-returning"}


@pytest.fixture(scope="module")
def site() -> Site:
    return shop(search={"paths": ["/search"], "parameters": ["q"]})


@pytest.fixture(scope="module")
def happened() -> list[Event]:
    return wander(Random(7), days_between("2026-11-13", LAST), 40)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, site: Site, happened: list[Event]) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("visits"), site) as opened_store:
        log(opened_store, happened)
        yield opened_store


def folded(counts: dict[str, int], empty: str = "(unknown)", least: int = 10) -> dict[str, Any]:
    """Fold small groups in the plainest way; a rest that is small itself takes the next larger group along."""
    groups = sorted(((n, name or empty) for name, n in counts.items()), reverse=True)
    shown = [group for group in groups if group[0] >= least]
    rest = sum(n for n, _ in groups) - sum(n for n, _ in shown)
    if shown and 0 < rest < least:
        rest += shown.pop()[0]
    told: dict[str, Any] = {name: n for n, name in shown}
    return told if not rest else {**told, REST: rest if rest >= least else Hidden.FEW}


@pytest.mark.parametrize("panel", FACET_OF)
def test_visits_are_divided_as_the_events_say(store: Store, site: Site, happened: list[Event], panel: str) -> None:
    told = table(make(store, site, panel, asked(FIRST, LAST)))

    what = FACET_OF[panel]
    counted = oracle.filtered(happened, "UTC", FIRST, LAST, what, {})
    assert told == (folded(counted, EMPTY.get(panel, "(unknown)")) if panel in PEOPLE else counted)


@pytest.mark.parametrize("panel", [panel for panel, what in FACET_OF.items() if what in FACETS])
def test_a_filter_lets_through_the_visits_that_have_it(
    store: Store, site: Site, happened: list[Event], panel: str
) -> None:
    where = {What.COUNTRY: "CH", What.REFERRER: "search.test"}
    counted = oracle.filtered(happened, "UTC", FIRST, LAST, FACET_OF[panel], where)

    told = table(make(store, site, panel, asked(FIRST, LAST, where=where)))

    assert sum(counted.values()) >= 10
    assert told == folded(counted, EMPTY.get(panel, "(unknown)"))


def test_of_so_few_that_a_filter_lets_through_nothing_is_told(store: Store, site: Site) -> None:
    about = asked(FIRST, LAST, where={What.LANGUAGE: "ga"})
    for panel in ("visits-by-day", "browsers", "entries", "new-and-returning"):
        shown = make(store, site, panel, about)
        assert shown.rows == ()
        assert "Fewer than 10 visits" in shown.missing


def test_where_people_are_filtered_by_what_they_are_pages_are_told_no_finer(tmp_path: Path, site: Site) -> None:
    people = [bytes([number]) * 16 for number in range(1, 13)]
    with opened(tmp_path, site) as store:
        log(
            store,
            [event(one, at(LAST), path="/rare" if no < 2 else "/", country="CH") for no, one in enumerate(people)],
        )
        plain = table(make(store, site, "entries", asked(LAST, LAST)))
        filtered = table(make(store, site, "entries", asked(LAST, LAST, where={What.COUNTRY: "CH"})))
        by_day = make(store, site, "visits-by-day", asked(FIRST, LAST, where={What.COUNTRY: "CH"}))

    assert plain == {"/": 10, "/rare": 2}
    assert filtered == {REST: 12}
    assert table(by_day)[LAST] == (12, None, 12, 0)


def test_days_have_their_visits_and_visitors(store: Store, site: Site, happened: list[Event]) -> None:
    told = table(make(store, site, "visits-by-day", asked(FIRST, LAST)))

    visits = [visit for visit in oracle.visits(happened, "UTC") if FIRST <= visit.day <= LAST]
    assert list(told) == list(days_between(FIRST, LAST))
    for day, cells in told.items():
        mine = [visit for visit in visits if visit.day == day]
        new = sum(visit.number_of_visit == 1 for visit in mine)
        assert cells == (len(mine), len({visit.subject for visit in mine}), new, len(mine) - new)


def test_pages_have_their_views_and_times(store: Store, site: Site, happened: list[Event]) -> None:
    told = table(make(store, site, "pages", asked(FIRST, LAST)))

    mine = [one for one in happened if FIRST <= oracle.day(one.at, "UTC") <= LAST]
    views = Counter(one.fields["path"] for one in mine if one.kind == "view")
    seconds: Counter[str] = Counter()
    for one in mine:
        if one.kind == "stay":
            seconds[one.fields["path"]] += int(one.fields["seconds"])
    assert told == {path: (n, seconds[path] / n) for path, n in views.items()}


def test_of_a_page_that_nobody_stayed_on_no_time_is_measured(tmp_path: Path, site: Site) -> None:
    with opened(tmp_path, site) as store:
        log(store, [event(b"1" * 16, at(LAST), path="/")])
        assert table(make(store, site, "pages", asked(FIRST, LAST))) == {"/": (1, None)}


@pytest.mark.parametrize(
    ("panel", "kind", "name"),
    [
        ("ads-viewed", "beacon", lambda one: one.tracker),
        ("link-clicks", "click", lambda one: one.tracker),
        ("out-clicks", "out", lambda one: one.fields["target"]),
    ],
)
def test_what_happens_is_counted_however_few(
    store: Store, site: Site, happened: list[Event], panel: str, kind: str, name: Any
) -> None:
    mine = [one for one in happened if one.kind == kind and FIRST <= oracle.day(one.at, "UTC") <= LAST]

    assert table(make(store, site, panel, asked(FIRST, LAST))) == Counter(name(one) for one in mine)


def test_searches_are_counted_and_rare_ones_are_nobodys(tmp_path: Path, site: Site) -> None:
    terms = ["teapot"] * 12 + ["cup"] * 10 + ["my own name"] * 3 + ["another"] * 9
    with opened(tmp_path, site) as store:
        log(
            store, [event(bytes([no + 1]) * 16, at(LAST), path="/search", search=term) for no, term in enumerate(terms)]
        )
        told = make(store, site, "searches", asked(FIRST, LAST))

    assert table(told) == {"teapot": 12, "cup": 10, REST: 12}


def test_values_beyond_those_that_are_read_are_of_the_rest(
    store: Store, site: Site, happened: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = table(make(store, site, "browsers", asked()))
    monkeypatch.setattr("gatekeeper.panels.visits._MOST_APART", 1)

    told = table(make(store, site, "browsers", asked()))

    most = max(whole, key=lambda name: whole[name] if name != REST else 0)
    assert told == {most: whole[most], REST: sum(whole.values()) - whole[most]}


@pytest.mark.parametrize("least", [5, 30])
def test_a_site_says_what_its_smallest_group_is(store: Store, happened: list[Event], least: int) -> None:
    own = shop(smallest_group=least)
    counts = oracle.filtered(happened, "UTC", FIRST, LAST, What.BROWSER, {})
    panel = make(store, own, "browsers", asked(FIRST, LAST))

    assert table(panel) == folded(counts, least=least)
    assert f"Of fewer than {least} nothing is told" in panel.note


def test_without_a_search_that_is_declared_nothing_is_measured(store: Store) -> None:
    shown = make(store, shop(), "searches", asked(FIRST, LAST))

    assert shown.rows == ()
    assert "gatekeeper.toml" in shown.missing


def test_without_a_file_that_tells_countries_none_is_measured(tmp_path: Path, site: Site) -> None:
    with opened(tmp_path, site) as store:
        log(store, [event(bytes([no + 1]) * 16, at(LAST), path="/") for no in range(20)])
        shown = make(store, site, "countries", asked(FIRST, LAST))

    assert (shown.rows, "gatekeeper geo" in shown.missing) == ((), True)


def test_rows_lead_on_to_what_can_be_filtered_by(store: Store, site: Site) -> None:
    links = {
        panel: dict(zip([row[0] for row in made.rows], made.links, strict=True))
        for panel in ("browsers", "referrers", "exits", "ads-viewed")
        if (made := make(store, site, panel, asked(FIRST, LAST)))
    }

    assert links["browsers"]["Safari 26"] == "visits?f.browser=Safari+26"
    assert links["browsers"].get(REST, "") == ""
    assert links["referrers"]["(no other site)"] == "visits?f.referrer=-"
    assert set(links["exits"].values()) == {""}
    assert links["ads-viewed"] == {"seen": "trackers/seen"}


def test_each_panel_says_whether_it_heeds_filters() -> None:
    heeds = {id for id, listed in PANELS.items() if listed.page == "visits" and listed.filtered}

    assert heeds == {"visits-by-day", *(panel for panel, what in FACET_OF.items() if what in FACETS)}


def test_under_a_filter_days_of_few_are_hidden_and_visitors_not_measured(
    store: Store, site: Site, happened: list[Event]
) -> None:
    where = {What.COUNTRY: "CH", What.VISIT: "returning"}
    told = table(make(store, site, "visits-by-day", asked(FIRST, LAST, where=where)))

    for day, cells in told.items():
        n = sum(oracle.filtered(happened, "UTC", day, day, What.VISIT, where).values())
        shown = Hidden.FEW if 0 < n < 10 else n
        assert cells == (shown, None, 0, shown)
    assert Hidden.FEW in {cells[0] for cells in told.values()}
