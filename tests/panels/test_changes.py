"""Why a number has changed: the parts are those of the events, they add up, and the tracker that broke is named."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from gatekeeper.core.days import days_between
from gatekeeper.core.events import Event, EventKind
from gatekeeper.core.panels import Asked, Panel
from gatekeeper.core.sites import Site
from gatekeeper.panels.answers import default_number, sentences
from gatekeeper.panels.changes import (
    COUNTED,
    NUMBERS,
    analytics_of,
    broken,
    change_of,
    marks_of,
    outcome_words,
    why,
)
from gatekeeper.panels.sources import Sources
from gatekeeper.store.books import Mark, MarkKind
from gatekeeper.store.contract import Store, Total

from .logged import NOW, asked, at, event, log, make, opened, shop, table

BEFORE = list(days_between("2026-11-09", "2026-11-15"))
NOWADAYS = list(days_between("2026-11-16", "2026-11-22"))
BROKEN_ON = "2026-11-19"


@pytest.fixture
def site() -> Site:
    return shop()


@pytest.fixture
def store(tmp_path: Path, site: Site) -> Iterator[Store]:
    with opened(tmp_path, site) as opened_store:
        yield opened_store


#: What becomes of the tag on a day, on each page: outcomes and reasons.
Tag = Callable[[str], Iterable[tuple[str, str]]]
WELL = (("released", "granted"), ("loaded", "granted"))
FAILS = (("released", "granted"), ("failed", "granted"))
STALE = (("blocked", "stale_notice"),)
POLICY = (("released", "granted"), ("blocked", "granted"), ("failed", "granted"))
REFUSED = (("blocked", "refused"),)


def week(
    days: Iterable[str], tag: Tag, *, visits: int = 4, pages: int = 3, purchases: int = 2, tracker: str = "tally"
) -> list[Event]:
    """Return so many visits a day, each by somebody else, of so many pages with the tag."""
    happened = []
    for day in days:
        for no in range(visits):
            subject, when = os.urandom(16), at(day, 3600 * (no + 1))
            for page in range(pages):
                path = {"path": f"/{page}"}
                happened.append(event(subject, when + page, **path))
                happened += [
                    event(subject, when + page, EventKind.OUTCOME, tracker, outcome=what, reason=reason, **path)
                    for what, reason in tag(day)
                ]
            if no < purchases:
                happened.append(event(subject, when + 9, EventKind.EVENT, event="purchase"))
    return happened


def answer(store: Store, days: Iterable[str], granted: int, refused: int) -> None:
    for day in days:
        for state, n in (("granted", granted), ("refused", refused)):
            store.tally(Total("shop", day, "choice", state, notice=1), n)
            store.tally(Total("shop", day, "purpose", "analytics", outcome=state, notice=1), n)


def effects(panel: Panel) -> dict[object, object]:
    return {row[0]: row[-1] for row in panel.rows}


def told(store: Store, site: Site, about: Asked, number: str = COUNTED) -> list[str]:
    sources = Sources(site, store, NOW)
    return sentences(change_of(sources, about, number), broken(sources, about), marks_of(sources, about), about)


def test_a_change_of_traffic_is_one_of_traffic(store: Store, site: Site) -> None:
    log(store, [*week(BEFORE, lambda _: WELL, visits=8, purchases=4), *week(NOWADAYS, lambda _: WELL)])
    answer(store, BEFORE, 10, 10)
    answer(store, NOWADAYS, 5, 5)

    panel = make(store, site, "change-conversions", asked())

    assert [row[:3] for row in panel.rows] == [
        ("Answers to the banner", 140, 70),
        ("Grants for 100 answers", 50.0, 50.0),
        ("Visits for 100 grants", 80.0, 80.0),
        ("Conversions for 100 visits", 50.0, 50.0),
    ]
    assert list(effects(panel).values()) == [-14, 0, 0, 0]
    assert "From 28 to 14: the parts add up to -14" in panel.note


def test_a_change_of_choices_is_one_of_choices(store: Store, site: Site) -> None:
    log(store, [*week(BEFORE, lambda _: WELL, visits=8), *week(NOWADAYS, lambda _: WELL, visits=4)])
    answer(store, BEFORE, 16, 4)
    answer(store, NOWADAYS, 8, 12)

    panel = make(store, site, "change-views", asked())

    assert effects(panel) == {
        "Answers to the banner": 0,
        "Grants for 100 answers": -84,
        "Visits for 100 grants": 0,
        "Page views for 100 visits": 0,
    }
    assert told(store, site, asked(), "views") == [
        "Page views fell by 84 (−50 %), from 168 to 84.",
        "Nearly all of it: fewer of those who answered agreed: 40.0 for 100 instead of 80.0.",
    ]


@pytest.mark.parametrize(
    ("becomes", "reason"),
    [
        (FAILS, "failed to load"),
        (STALE, "blocked: not told of it"),
        (POLICY, "kept out by a policy of the page"),
        ((), "not on the page"),
        ((("released", "granted"),), "let go, but nothing more was heard of it"),
    ],
)
def test_a_tag_that_breaks_is_named_with_the_reason_and_the_day(
    store: Store, site: Site, becomes: tuple[tuple[str, str], ...], reason: str
) -> None:
    log(store, week([*BEFORE, *NOWADAYS], lambda day: WELL if day < BROKEN_ON else becomes))

    panel = make(store, site, "change-counted", asked(about="tally"))
    trackers = make(store, site, "change-trackers", asked())

    assert effects(panel) == {
        "Visits": 0,
        "Conversions for 100 visits": 0,
        f"tally: {reason}": -8,
    }
    assert table(trackers) == {
        "tally": (1.0, pytest.approx(3 / 7), pytest.approx(-4 / 7), reason, BROKEN_ON, "2026-11-22")
    }
    said = "it is not on the page any more" if not becomes else reason
    assert told(store, site, asked(about="tally")) == [
        "Conversions that tally could count fell by 8 (−57 %), from 14 to 6.",
        f"Nearly all of it: tally loaded on 42.9 % of page views instead of 100.0 %: {said}, since {BROKEN_ON}.",
    ]


def test_what_was_marked_on_the_day_is_told_with_it(store: Store, site: Site) -> None:
    log(store, week([*BEFORE, *NOWADAYS], lambda day: WELL if day < BROKEN_ON else FAILS))
    store.marks.mark(Mark("shop", BROKEN_ON, MarkKind.REGISTRY, "1:abc", "The registry was changed", at=NOW))
    store.marks.mark(Mark("shop", "2026-11-18", MarkKind.NOTE, "1", "Sale begins", "Ada", at=NOW))

    assert told(store, site, asked(about="tally"))[1].endswith(
        f"since {BROKEN_ON} (on that day: The registry was changed)."
    )
    assert [row[:3] for row in make(store, site, "marks", asked()).rows] == [
        (BROKEN_ON, "Registry", "The registry was changed"),
        ("2026-11-18", "Note", "Sale begins"),
    ]
    by_day = table(make(store, site, "change-days", asked()))
    assert by_day["2026-11-18"] == (4, 12, 2, "Sale begins")
    assert by_day["2026-11-20"] == (4, 12, 2, "")


def test_a_tag_that_broke_and_was_mended_is_named_with_both_days(store: Store, site: Site) -> None:
    log(store, week([*BEFORE, *NOWADAYS], lambda day: FAILS if day in {"2026-11-17", "2026-11-18"} else WELL))

    [found] = broken(Sources(site, store, NOW), asked())

    assert (found.tracker, found.first, found.last) == ("tally", "2026-11-17", "2026-11-18")
    assert "from 2026-11-17 to 2026-11-18" in told(store, site, asked(about="tally"))[1]


def test_a_tag_that_broke_last_night_is_named_although_the_number_hardly_changed(store: Store, site: Site) -> None:
    log(store, week([*BEFORE, *NOWADAYS], lambda day: WELL if day < "2026-11-22" else FAILS))

    assert "tally loaded on 0.0 % of page views instead of 100.0 %: failed to load, since 2026-11-22." in told(
        store, site, asked(), "views"
    )


def test_a_tag_that_broke_within_its_first_day_is_named(store: Store, site: Site) -> None:
    log(store, [*week([NOWADAYS[-1]], lambda _: WELL, visits=2), *week([NOWADAYS[-1]], lambda _: FAILS, visits=3)])

    [found] = broken(Sources(site, store, NOW), asked())

    assert (found.tracker, found.found.why, found.first) == ("tally", "failed", "2026-11-22")


def test_what_visitors_refuse_is_not_broken(store: Store, site: Site) -> None:
    log(store, week([*BEFORE, *NOWADAYS], lambda day: WELL if day < BROKEN_ON else REFUSED, tracker="ad-pixel"))

    assert broken(Sources(site, store, NOW), asked()) == []
    assert why("blocked_refused") == "blocked: refused"


@pytest.mark.parametrize("number", NUMBERS)
def test_all_parts_add_up_to_the_change_that_is_shown(store: Store, site: Site, number: str) -> None:
    log(
        store,
        [
            *week(BEFORE, lambda _: WELL, visits=7, purchases=3),
            *week(NOWADAYS, lambda day: WELL if day < BROKEN_ON else FAILS, visits=5, pages=4, purchases=4),
        ],
    )
    answer(store, BEFORE, 9, 5)
    answer(store, NOWADAYS, 4, 6)
    counts = {
        "conversions": (21, 28),
        "views": (147, 140),
        "loads": (147, 60),
        # Of 28 conversions, the share of page views on which the tag loaded: 60 of 140.
        "counted": (21, 12),
    }

    about = "" if number in {"conversions", "views"} else "tally"
    panel = make(store, site, f"change-{number}", asked(about=about))

    before, now = counts[number]
    assert sum(int(str(effect)) for effect in effects(panel).values()) == now - before
    assert f"From {before} to {now}:" in panel.note


def test_where_there_was_nothing_before_the_parts_are_whole_all_the_same(store: Store, site: Site) -> None:
    log(store, week(NOWADAYS, lambda _: WELL))

    panel = make(store, site, "change-conversions", asked())
    counted = make(store, site, "change-counted", asked(about="tally"))

    assert panel.rows == (("Visits", 0, 28, 14), ("Conversions for 100 visits", None, 50.0, None))
    assert counted.missing == "No page was viewed in one of the two periods."
    assert make(store, site, "change-conversions", asked("2026-01-05", "2026-01-11")).rows == ()


def test_machines_answer_no_banner(store: Store, site: Site) -> None:
    answer(store, NOWADAYS, 5, 5)
    subject = b"b" * 16
    log(store, [event(subject, at(day), path="/", device="bot") for day in NOWADAYS])

    rows = make(store, site, "change-views", asked(bot=True)).rows

    assert [row[0] for row in rows] == ["Visits", "Page views for 100 visits"]


def test_conversions_may_be_events_of_one_name(store: Store, site: Site) -> None:
    log(store, [*week(NOWADAYS, lambda _: WELL), event(b"x" * 16, at("2026-11-20"), EventKind.EVENT, event="signup")])

    assert make(store, site, "change-conversions", asked(about="signup")).rows[-1][-2:] == (
        pytest.approx(100 / 29),
        None,
    )
    assert make(store, site, "change-conversions", asked(about="signup")).title == "Conversions: signup"


def test_where_it_is_told_only_that_an_address_was_asked_that_counts(store: Store, site: Site) -> None:
    asks, kept_out = (("requested", "granted"),), (("blocked", "granted"),)
    log(store, week([*BEFORE, *NOWADAYS], lambda day: asks if day < BROKEN_ON else kept_out, tracker="video"))

    assert table(make(store, site, "change-trackers", asked()))["video"][3:5] == (
        "kept out by a policy of the page",
        BROKEN_ON,
    )


def test_what_is_asked_first_is_what_counts_beside_the_log(store: Store, site: Site) -> None:
    log(store, week(NOWADAYS, lambda _: WELL))
    sources = Sources(site, store, NOW)

    assert analytics_of(sources, ["ad-pixel", "tally", "seen", "gone"]) == ["tally", "seen"]
    assert [default_number(*each) for each in ((5, ["tally"]), (5, []), (0, ["tally"]), (0, []))] == [
        "counted",
        "conversions",
        "loads",
        "views",
    ]


def test_outcomes_have_words() -> None:
    words = Counter(
        outcome_words(*each) for each in (("loaded", "granted"), ("blocked", "refused"), ("failed", "late"))
    )

    assert words == Counter(["loaded", "blocked: refused", "failed: Came too late"])
