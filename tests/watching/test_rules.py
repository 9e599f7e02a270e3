"""What is wrong with a site, rule by rule, at and around each limit."""

from dataclasses import replace
from typing import Any

import pytest

from gatekeeper.core.alarms import Kind
from gatekeeper.core.alerts import Limits
from gatekeeper.core.registry import read_registry
from gatekeeper.core.retention import OVERDUE
from gatekeeper.core.rounds import Fault, Run, Visitor, write_runs
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.core.sites import Site
from gatekeeper.store.books import LiveCheck
from gatekeeper.watching.rules import (
    BEFORE,
    LOOKS_BACK,
    MOST_HOSTS,
    RULES,
    Facts,
    Pulse,
    Verdict,
    check_failed,
    choice_rate,
    judge,
    new_host,
    overdue,
    silent,
    slipped,
)

from .conftest import DAY, HOUR, NOON, SHOP

TODAY, YESTERDAY = "2026-11-22", "2026-11-21"


@pytest.fixture
def site() -> Site:
    sites, problems = read_registry({"sites": {"shop": SHOP}})
    assert problems == []
    return sites["shop"]


def day(ago: int) -> str:
    return f"2026-11-{22 - ago:02}"


def only(verdicts: Any, name: str = "") -> Verdict:
    (found,) = [verdict for verdict in verdicts if verdict.name == name]
    assert isinstance(found, Verdict)
    return found


# --- a tag that is silent

#: By days ago: how often the tag fired, and page views; when this process last saw it fire, in hours ago, and how many
#: page views since; the verdict.
SILENCE: dict[str, tuple[dict[int, int], dict[int, int], tuple[float, int] | None, bool | None]] = {
    "it fires today": ({0: 1, 1: 100}, {0: 100, 1: 100}, None, False),
    "it fired until yesterday's end, half a day ago": ({1: 100, 2: 100}, {0: 100, 1: 100, 2: 100}, None, False),
    "it was quiet all of yesterday": ({2: 100, 3: 100}, {1: 100, 2: 100, 3: 100}, None, True),
    "it was quiet for long": ({9: 100}, {9: 100, **dict.fromkeys(range(9), 50)}, None, True),
    "it was quiet for longer than is looked": ({LOOKS_BACK + 1: 100}, {0: 100}, None, None),
    "it never fired": ({}, dict.fromkeys(range(9), 100), None, None),
    "nobody comes": ({2: 100, 3: 100}, {2: 100, 3: 100}, None, None),
    "too few come to tell": ({2: 100, 3: 100}, {1: 9, 2: 100, 3: 100}, None, None),
    "just enough come to tell": ({2: 100, 3: 100}, {1: 10, 2: 100, 3: 100}, None, True),
    "it is on one page of ten, and too few come": ({2: 10}, {1: 99, 2: 100}, None, None),
    "it is on one page of ten, and enough come": ({2: 10}, {1: 100, 2: 100}, None, True),
    "this process last saw it 24 hours ago": ({1: 50, 2: 100}, {0: 20, 1: 100, 2: 100}, (24, 14), True),
    "this process last saw it less than that ago": ({1: 50, 2: 100}, {0: 20, 1: 100, 2: 100}, (23.9, 99), False),
    "this process saw too few come since": ({1: 50, 2: 100}, {0: 12, 1: 100, 2: 100}, (24, 13), None),
    "what this process saw after the days tells nothing": ({2: 100}, {1: 100, 2: 100}, (1, 100), True),
}


def logged(by_ago: dict[int, int]) -> dict[str, int]:
    site_day = Facts.day
    facts = Facts(read_registry({"sites": {"shop": SHOP}})[0]["shop"], Limits(), NOON)
    return {site_day(facts, ago): n for ago, n in by_ago.items()}


@pytest.mark.parametrize("case", SILENCE)
def test_a_tag_is_silent_where_it_would_have_fired(site: Site, case: str) -> None:
    fired, views, pulse, wrong = SILENCE[case]
    facts = Facts(
        site,
        Limits(),
        NOON,
        signs={at: {"ads": n} for at, n in logged(fired).items()},
        views=logged(views),
        pulses={"ads": Pulse(int(NOON - pulse[0] * HOUR), pulse[1])} if pulse else {},
    )

    verdict = only(silent(facts), "ads")

    assert verdict.wrong is wrong
    assert bool(verdict.text) == (wrong is True)


@pytest.mark.parametrize(("hours", "wrong"), [(24, True), (36, True), (37, False), (72, False)])
def test_how_long_silence_may_last_is_the_sites(site: Site, hours: int, wrong: bool) -> None:
    signs, views = {day(2): {"ads": 100}}, {day(2): 100, day(1): 100}  # the day ended 36 hours ago

    verdict = only(silent(Facts(site, Limits(silent_hours=hours), NOON, signs=signs, views=views)), "ads")

    assert verdict.wrong is wrong


def test_a_day_ends_where_the_site_is(site: Site) -> None:
    there = replace(site, time_zone="America/New_York")  # 07:00: the day before yesterday ended 31 hours ago
    signs, views = {day(2): {"ads": 100}}, {day(2): 100, day(1): 100}

    verdicts = [silent(Facts(there, Limits(silent_hours=hours), NOON, signs=signs, views=views)) for hours in (31, 32)]

    assert [only(found, "ads").wrong for found in verdicts] == [True, False]


def test_silence_is_told_with_its_numbers(site: Site) -> None:
    signs, views = {day(2): {"ads": 40}}, {day(2): 80, day(1): 60}

    assert only(silent(Facts(site, Limits(), NOON, signs=signs, views=views)), "ads").text == (
        "ads was last requested on 2026-11-20. There have been 60 page views since; "
        "going by the days before, it would have fired about 30 times."
    )


# --- who agrees

#: Of 1,000 before, how many agreed; of how many yesterday; the verdict.
RATES = [
    (500, 120, 200, True),  # 60 % against 50 %: ten points
    (500, 119, 200, False),
    (500, 80, 200, True),
    (500, 81, 200, False),
    (500, 0, 200, True),
    (500, 200, 200, True),
    (0, 0, 200, False),
    (1000, 1000, 1000, False),
    (500, 199, 199, None),  # too few to tell
    (500, 0, 0, None),
]


@pytest.mark.parametrize(("before", "agreed", "of", "wrong"), RATES)
def test_a_choice_rate_that_changes_by_ten_points_is_wrong(
    site: Site, before: int, agreed: int, of: int, wrong: bool | None
) -> None:
    choices = {
        TODAY: {"granted": 0, "refused": 5000},  # today is not over
        YESTERDAY: {"granted": agreed, "refused": of - agreed, "withdrawn": 5000},
        day(2): {"granted": before},
        day(8): {"refused": 1000 - before},
        day(9): {"granted": 5000},  # longer ago than is looked
    }

    verdict = only(choice_rate(Facts(site, Limits(), NOON, choices=choices)))

    assert verdict.wrong is wrong


def test_how_much_a_choice_rate_may_change_is_the_sites(site: Site) -> None:
    choices = {YESTERDAY: {"granted": 12, "refused": 8}, day(2): {"granted": 10, "refused": 10}}

    few = only(choice_rate(Facts(site, Limits(choice_least=20), NOON, choices=choices)))
    wide = only(choice_rate(Facts(site, Limits(choice_least=20, choice_points=11), NOON, choices=choices)))

    assert (few.wrong, wide.wrong) == (True, False)
    assert few.text == "On 2026-11-21 60 % of 20 choices agreed to something; in the seven days before 50 % of 20."
    assert only(choice_rate(Facts(site, Limits(choice_least=21), NOON, choices=choices))).wrong is None


def test_there_is_a_day_to_compare_with(site: Site) -> None:
    choices = {YESTERDAY: {"granted": 500, "refused": 500}, day(2): {"granted": 100, "refused": 99}}

    assert only(choice_rate(Facts(site, Limits(), NOON, choices=choices))).wrong is None


# --- what slipped through

SLIPPED: list[tuple[dict[str, dict[str, int]], list[str]]] = [
    ({}, []),
    ({TODAY: {"ads": 1}}, ["ads"]),
    ({YESTERDAY: {"ads": 1}}, ["ads"]),
    ({day(2): {"ads": 1000}}, []),
    ({TODAY: {"ads": 1, "unknown": 2}}, ["ads", "unknown"]),
]


@pytest.mark.parametrize(("counts", "names"), SLIPPED)
def test_anything_that_slipped_is_wrong(site: Site, counts: dict[str, dict[str, int]], names: list[str]) -> None:
    verdicts = list(slipped(Facts(site, Limits(), NOON, slipped=counts)))

    assert [verdict.name for verdict in verdicts] == names
    assert all(verdict.wrong for verdict in verdicts)


def test_what_slipped_is_told_with_its_numbers(site: Site) -> None:
    counts = {TODAY: {"ads": 3, "unknown": 1}, YESTERDAY: {"ads": 4}}

    assert [verdict.text for verdict in slipped(Facts(site, Limits(), NOON, slipped=counts))] == [
        "Pages reached ads although it was denied: 3 times today, 4 times yesterday.",
        "Pages reached something that nothing declares although it was denied: 1 times today, 0 times yesterday.",
    ]


# --- hosts


def test_a_host_that_nothing_declares_is_wrong_once(site: Site) -> None:
    sightings = {
        Sighting("shop", day(1), Seen.SCRIPT, "cdn.new.test", "/a.js"): 3,
        Sighting("shop", day(3), Seen.IMAGE, "cdn.new.test", "/b.gif"): 1,
        Sighting("shop", day(1), Seen.SCRIPT, "ads.test", "/ads.js"): 9,  # declared since
        Sighting("shop", day(1), Seen.COOKIE, "_uid"): 9,  # a name, not a host
    }

    verdict = only(new_host(Facts(site, Limits(), NOON, sightings=sightings)), "cdn.new.test")

    assert verdict == Verdict(
        Kind.HOST, "cdn.new.test", True, "cdn.new.test was first seen on 2026-11-19, as image: /b.gif."
    )


def test_many_hosts_are_one_mistake(site: Site) -> None:
    sightings = {Sighting("shop", TODAY, Seen.SCRIPT, f"h{no}.test", "/"): 1 for no in range(MOST_HOSTS + 5)}

    assert len(list(new_host(Facts(site, Limits(), NOON, sightings=sightings)))) == MOST_HOSTS


# --- the purge

PURGES = [
    (NOON - OVERDUE, 0, False),
    (NOON - OVERDUE - 1, 0, True),
    (NOON, 0, False),
    (None, NOON - OVERDUE, False),
    (None, NOON - OVERDUE - 1, True),
]


@pytest.mark.parametrize(("purged_at", "began", "wrong"), PURGES)
def test_a_purge_is_overdue_after_two_days(purged_at: int | None, began: int, wrong: bool) -> None:
    assert overdue(purged_at, began=began, now=NOON).wrong is wrong


# --- the daily check


def test_a_check_that_failed_is_told_by_what_went_out(site: Site) -> None:
    runs = [Run("http://shop.test/", Visitor.REJECTS, (), (Fault("ads.test/p was asked after a refusal", "ads"),))]
    failed, passed = (LiveCheck("shop", NOON - DAY, well, write_runs(runs)) for well in (False, True))

    verdicts = [only(check_failed(Facts(site, Limits(), NOON, check=check))) for check in (None, passed, failed)]

    assert [verdict.wrong for verdict in verdicts] == [None, False, True]
    assert verdicts[2].text == "http://shop.test/: ads.test/p was asked after a refusal"
    unreadable = LiveCheck("shop", NOON, False, "")
    assert only(check_failed(Facts(site, Limits(), NOON, check=unreadable))).text


# --- all of them


def test_a_site_with_no_traffic_has_nothing_wrong(site: Site) -> None:
    assert [verdict for verdict in judge(Facts(site, Limits(), NOON)) if verdict.wrong] == []


@pytest.mark.parametrize("kind", RULES)
def test_a_site_may_not_want_to_hear_of_a_kind(site: Site, kind: Kind) -> None:
    facts = Facts(
        site,
        Limits(),
        NOON,
        signs={day(2): {"ads": 100}},
        views={day(2): 100, day(1): 100},
        slipped={TODAY: {"ads": 1}},
        choices={YESTERDAY: {"granted": 1000}, day(2): {"refused": 1000}},
        sightings={Sighting("shop", TODAY, Seen.SCRIPT, "new.test", "/"): 1},
        check=LiveCheck("shop", NOON, False, ""),
    )
    wrong = {verdict.kind for verdict in judge(facts) if verdict.wrong}

    quiet = {verdict.kind for verdict in judge(replace(facts, limits=Limits(off=frozenset({kind})))) if verdict.wrong}

    assert wrong == set(RULES)
    assert quiet == wrong - {kind}


def test_a_day_is_compared_with_the_seven_before() -> None:
    assert BEFORE == 7
