"""Settings of alerts: what a file becomes, every mistake of a wrong one, and when something is due."""

import tomllib
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from gatekeeper.core.alarms import TEST, WORDS, Kind, words_of
from gatekeeper.core.alerts import (
    Alerts,
    Every,
    Limits,
    Mail,
    Reports,
    Round,
    last_period,
    last_round,
    next_round,
    read_alerts,
)
from gatekeeper.core.problems import Problem
from gatekeeper.core.registry import read_registry

GOOD = """
[sites.shop]
name = "The Shop"
origins = ["https://shop.example", "https://www.shop.example"]
controller = { name = "Shop Ltd", address = "1 High Street, Dublin", contact = "privacy@shop.example" }
alerts = { silent_hours = 48, choice_points = 5, choice_least = 50, silent_expected = 20, off = ["host"] }
live_check = { pages = ["/", "https://www.shop.example/basket?a=b"], at = "23:05", daily = false }

[sites.plain]
name = "Plain"
origins = ["https://plain.example"]
controller = { name = "Shop Ltd", address = "1 High Street, Dublin", contact = "privacy@shop.example" }

[alerts]
to = ["privacy@shop.example"]
from = "gatekeeper@shop.example"
smtp = "smtps://mail.shop.example"
smtp_user = "gatekeeper"
smtp_password_file = "smtp.password"
webhook = "https://hooks.shop.example/x"
webhook_secret_file = "/etc/hook"
dashboard = "https://staff.shop.example/"

[reports]
to = ["marketing@shop.example"]
every = "month"
sites = ["plain"]
"""


def read(text: str) -> tuple[Alerts, list[Problem]]:
    tables = tomllib.loads(text)
    assert read_registry(tables)[1] == []
    return read_alerts(tables)


def test_a_file_says_who_is_told_and_of_what() -> None:
    alerts, problems = read(GOOD)

    assert problems == []
    assert alerts == Alerts(
        to=("privacy@shop.example",),
        sender="gatekeeper@shop.example",
        mail=Mail("smtps", "mail.shop.example", 465, "gatekeeper", "smtp.password"),
        webhook="https://hooks.shop.example/x",
        secret_file="/etc/hook",
        dashboard="https://staff.shop.example",
        reports=Reports(("marketing@shop.example",), Every.MONTH, ("plain",)),
        limits={"shop": Limits(48, 20, 5, 50, frozenset({Kind.HOST})), "plain": Limits()},
        rounds={
            "shop": Round(("https://shop.example/", "https://www.shop.example/basket?a=b"), "23:05", daily=False),
            "plain": Round(("https://plain.example/",)),
        },
    )
    assert alerts.by_mail
    assert dict(alerts.files) == {
        "alerts.webhook_secret_file": "/etc/hook",
        "alerts.smtp_password_file": "smtp.password",
    }


def test_a_file_that_says_nothing_tells_nobody_and_watches_all_the_same() -> None:
    alerts, problems = read(GOOD.split("[alerts]")[0])

    assert problems == []
    assert not alerts.by_mail
    assert alerts.webhook == ""
    assert alerts.reports == Reports(sites=("shop", "plain"))
    assert alerts.limits["plain"] == Limits(24, 10, 10, 200)
    assert alerts.rounds["plain"].daily


#: What stands where, and the keys that are reported.
MISTAKES: list[tuple[tuple[str, ...], Any, list[str]]] = [
    (("alerts", "to"), ["The Office <office@shop.example>"], ["alerts.to"]),
    (("alerts", "to"), ["a@b.example\nBcc: c@d.example"], ["alerts.to"]),
    (("alerts", "from"), "gatekeeper", ["alerts.from"]),
    (("alerts", "from"), None, ["alerts.from"]),
    (("alerts", "smtp"), None, ["alerts.smtp"]),
    (("alerts", "smtp"), "mail.shop.example", ["alerts.smtp"]),
    (("alerts", "smtp"), "smtp://mail.shop.example:99999", ["alerts.smtp"]),
    (("alerts", "smtp"), "smtp://user:password@mail.shop.example", ["alerts.smtp"]),
    (("alerts", "smtp"), "smtp://", ["alerts.smtp"]),
    (("alerts", "smtp_password_file"), None, ["alerts.smtp_password_file"]),
    (("alerts", "webhook"), "http://hooks.shop.example/x", ["alerts.webhook"]),
    (("alerts", "webhook"), None, ["alerts.webhook"]),
    (("reports", "to"), ["marketing"], ["reports.to"]),
    (("reports", "sites"), ["shop", "other"], ["reports.sites"]),
    (("sites", "shop", "live_check", "pages"), ["https://vendor.example/"], ["sites.shop.live_check.pages"]),
    (("sites", "shop", "live_check", "pages"), ["//vendor.example/"], ["sites.shop.live_check.pages"]),
    (("sites", "shop", "live_check", "pages"), ["basket"], ["sites.shop.live_check.pages"]),
]


@pytest.mark.parametrize(("place", "value", "keys"), MISTAKES)
def test_what_does_not_fit_together_is_told_with_its_fix(place: tuple[str, ...], value: Any, keys: list[str]) -> None:
    _, problems = read_alerts(changed(place, value))

    assert [problem.key for problem in problems] == keys
    assert all(problem.value and problem.rule and problem.fix for problem in problems)


def test_reports_need_a_way_to_be_sent_too() -> None:
    tables = changed(("alerts",), {})

    assert [problem.key for problem in read_alerts(tables)[1]] == ["alerts.smtp", "alerts.from"]


FORMS: list[tuple[tuple[str, ...], Any, str]] = [
    (("alerts", "to"), "privacy@shop.example", "alerts.to"),
    (("alerts", "mail"), "x", "alerts.mail"),
    (("alerts", "dashboard"), "staff.shop.example", "alerts.dashboard"),
    (("reports", "to"), None, "reports.to"),
    (("reports", "every"), "year", "reports.every"),
    (("sites", "shop", "alerts", "silent_hours"), 23, "sites.shop.alerts.silent_hours"),
    (("sites", "shop", "alerts", "choice_points"), 0, "sites.shop.alerts.choice_points"),
    (("sites", "shop", "alerts", "choice_least"), 19, "sites.shop.alerts.choice_least"),
    (("sites", "shop", "alerts", "silent_expected"), 2, "sites.shop.alerts.silent_expected"),
    (("sites", "shop", "alerts", "off"), ["everything"], "sites.shop.alerts.off.0"),
    (("sites", "shop", "live_check", "at"), "24:00", "sites.shop.live_check.at"),
    (("sites", "shop", "live_check", "at"), "4:30", "sites.shop.live_check.at"),
    (("sites", "shop", "live_check", "pages"), [], "sites.shop.live_check.pages"),
    (("sites", "shop", "live_check", "daily"), "yes", "sites.shop.live_check.daily"),
]


@pytest.mark.parametrize(("place", "value", "key"), FORMS)
def test_what_has_the_wrong_form_is_told_with_its_fix(place: tuple[str, ...], value: Any, key: str) -> None:
    _, problems = read_registry(changed(place, value))

    assert [problem.key for problem in problems] == [key]
    assert all(problem.value and problem.rule and problem.fix for problem in problems)


def changed(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return the good file with something else in one place; None is nothing."""
    tables: dict[str, Any] = deepcopy(tomllib.loads(GOOD))
    *way, key = place
    table = tables
    for step in way:
        table = table[step]
    table[key] = value
    if value is None:
        del table[key]
    return tables


def test_every_kind_of_alarm_has_its_words() -> None:
    assert set(WORDS) == set(Kind)
    assert all(words.title and words.looks_at and words.to_do for words in WORDS.values())
    assert words_of("slipped") == WORDS[Kind.SLIPPED]
    assert words_of(TEST).title == "A test"
    assert words_of("of another version").title == "Something else"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


#: The clock in UTC, a time zone; when a check at 04:30 was due last, and is due next, in UTC.
ROUNDS = [
    ("2026-11-22T04:29:59", "UTC", "2026-11-21T04:30", "2026-11-22T04:30"),
    ("2026-11-22T04:30:00", "UTC", "2026-11-22T04:30", "2026-11-23T04:30"),
    ("2026-11-22T12:00:00", "America/New_York", "2026-11-22T09:30", "2026-11-23T09:30"),
    ("2026-11-22T12:00:00", "Pacific/Auckland", "2026-11-21T15:30", "2026-11-22T15:30"),
    ("2026-03-29T00:00:00", "Europe/Berlin", "2026-03-28T03:30", "2026-03-29T02:30"),  # clocks go forward that night
]


@pytest.mark.parametrize(("now", "zone", "last", "following"), ROUNDS)
def test_a_check_is_due_at_its_time_in_the_sites_zone(now: str, zone: str, last: str, following: str) -> None:
    assert (last_round("04:30", zone, at(now)), next_round("04:30", zone, at(now))) == (at(last), at(following))


#: How often, the clock in UTC, a time zone, the period.
PERIODS = [
    (Every.DAY, "2026-11-23T05:59", "UTC", ("2026-11-21", "2026-11-21")),
    (Every.DAY, "2026-11-23T06:00", "UTC", ("2026-11-22", "2026-11-22")),
    (Every.WEEK, "2026-11-23T05:59", "UTC", ("2026-11-09", "2026-11-15")),
    (Every.WEEK, "2026-11-23T06:00", "UTC", ("2026-11-16", "2026-11-22")),
    (Every.WEEK, "2026-11-29T23:00", "UTC", ("2026-11-16", "2026-11-22")),
    (Every.WEEK, "2026-11-23T06:00", "America/New_York", ("2026-11-09", "2026-11-15")),
    (Every.MONTH, "2026-12-01T05:00", "UTC", ("2026-10-01", "2026-10-31")),
    (Every.MONTH, "2026-12-01T06:00", "UTC", ("2026-11-01", "2026-11-30")),
]


@pytest.mark.parametrize(("every", "now", "zone", "period"), PERIODS)
def test_a_report_is_about_the_last_days_that_are_over(
    every: Every, now: str, zone: str, period: tuple[str, str]
) -> None:
    assert last_period(every, zone, at(now)) == period
