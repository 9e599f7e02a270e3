"""Watching beside the requests: one process of all, what is due, and what goes wrong is told but stops nobody."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatekeeper.config import Config
from gatekeeper.core.alerts import Round
from gatekeeper.store.books import LiveCheck
from gatekeeper.store.contract import Store
from gatekeeper.watching.rounds import why_not
from gatekeeper.watching.schedule import AGAIN, LEASE, LOOK_EVERY, Schedule, is_due
from gatekeeper.web.health import healthz
from gatekeeper.web.http import Request
from gatekeeper.web.service import Service

from .conftest import DAY, HOUR, NOON, Clock, Hook, Letterbox, slip, without

_HALF_PAST_FOUR = NOON - 7 * HOUR - 1800


@pytest.fixture
def service(config: Config, store: Store, clock: Clock) -> Service:
    return Service(config, store, clock=clock)


def warnings(service: Service) -> list[str]:
    told = healthz(service, Request({"REQUEST_METHOD": "GET"}, "/healthz"))
    assert told.status == 200, told.body
    found = json.loads(told.body)["warnings"]
    assert isinstance(found, list)
    return found


def test_a_look_tells_what_is_wrong(service: Service, clock: Clock, letterbox: Letterbox, hook: Hook) -> None:
    schedule = Schedule(service, clock)
    slip(service.store)

    assert [schedule.look(), schedule.look()] == [LOOK_EVERY, LOOK_EVERY]

    assert (len(letterbox.mails), len(hook.posts)) == (1, 1)
    assert warnings(service) == []


def test_two_processes_do_not_tell_twice(
    service: Service, opened: Callable[[], Store], config: Config, clock: Clock, letterbox: Letterbox, hook: Hook
) -> None:
    slip(service.store)
    other = Service(config, opened(), clock=clock)
    schedules = [Schedule(service, clock), Schedule(other, clock)]

    for _ in range(3):
        for schedule in schedules:
            assert schedule.look() == LOOK_EVERY

    assert (len(letterbox.mails), len(hook.posts)) == (1, 1)


def test_the_next_process_goes_on_where_the_first_has_ended(
    service: Service, opened: Callable[[], Store], config: Config, clock: Clock, letterbox: Letterbox
) -> None:
    slip(service.store)
    letterbox.refusing = "451 not now"
    assert Schedule(service, clock).look() == AGAIN
    service.store.close()
    letterbox.refusing = ""

    other = Schedule(Service(config, opened(), clock=clock), clock)

    assert [other.look(), other.look()] == [LOOK_EVERY, LOOK_EVERY]
    assert len(letterbox.mails) == 1


def test_what_cannot_be_delivered_is_a_warning_and_no_problem(
    service: Service, clock: Clock, letterbox: Letterbox, hook: Hook
) -> None:
    schedule = Schedule(service, clock)
    slip(service.store)
    letterbox.refusing = "554 no"
    hook.answers = [500]

    assert schedule.look() == AGAIN
    (warning,) = warnings(service)
    assert "it answered 554 no" in warning
    assert "webhook: it answered 500" in warning

    letterbox.refusing = ""
    assert schedule.look() == LOOK_EVERY
    assert warnings(service) == []


def test_a_process_that_lost_its_turn_says_nothing(
    service: Service, opened: Callable[[], Store], clock: Clock, letterbox: Letterbox
) -> None:
    slip(service.store)
    assert opened().lease(LEASE, 600)

    assert Schedule(service, clock).look() == LOOK_EVERY

    assert letterbox.mails == []


def test_a_database_that_is_gone_is_waited_for(service: Service, clock: Clock, tmp_path: Path) -> None:
    schedule = Schedule(service, clock)
    (tmp_path / "gatekeeper.db").rename(tmp_path / "elsewhere.db")
    (tmp_path / "gatekeeper.db").mkdir()

    assert schedule.look() in {AGAIN, LOOK_EVERY}


# --- when pages are checked


def at(hour: float, day: int = 22) -> float:
    return datetime(2026, 11, day, tzinfo=UTC).timestamp() + hour * HOUR


#: When the process began, when the last check was, the time; whether one is due at 04:30.
DUE: list[tuple[float, float | None, float, bool]] = [
    (at(12), None, at(12), False),  # it never was: it waits for its time
    (at(12), None, at(4.4, 23), False),
    (at(12), None, at(4.5, 23), True),
    (at(12), at(4.5), at(4.4, 23), False),
    (at(12), at(4.5), at(4.5, 23), True),
    (at(5, 23), at(4.5), at(5, 23), True),  # nothing ran at its time
    (at(4), at(4.6), at(5), False),
    (at(12), at(13), at(4.5, 23), True),  # somebody did it by hand the day before
]


@pytest.mark.parametrize(("began", "last", "now", "due"), DUE)
def test_pages_are_checked_once_a_day_at_their_time(
    service: Service, config: Config, began: float, last: float | None, now: float, due: bool
) -> None:
    service.config = without(config, rounds={"shop": Round(("http://shop.test/",))})
    service.began = int(began)
    if last is not None:
        service.store.alarms.keep_check(LiveCheck("shop", int(last), True, "[]"))

    assert is_due(service, service.published("shop").site, now=int(now)) is due


def test_pages_are_not_checked_by_itself_where_the_site_says_so(service: Service) -> None:
    service.began = NOON - 30 * DAY  # the settings of these tests say so

    assert not is_due(service, service.published("shop").site, now=NOON)


def test_pages_are_not_checked_before_there_is_a_notice(service: Service, config: Config) -> None:
    service.config = without(config, rounds={"shop": Round(("http://shop.test/",))})
    service.began = NOON - 30 * DAY

    assert is_due(service, service.published("shop").site, now=NOON)
    assert not is_due(service, config.sites["shop"], now=NOON)


def test_where_there_is_no_browser_it_says_why(
    service: Service, config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "none"))
    schedule = Schedule(service, clock)

    schedule.look()

    assert service.unchecked == "no Chromium was found: apt-get install chromium, or playwright install chromium"
    named = replace(config, browser=str(tmp_path / "chromium"))
    assert why_not(named).startswith("GATEKEEPER_BROWSER is ")
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o755)
    assert why_not(named) == ""
    assert why_not(config) == "", "it is found on the path"


def test_a_browser_that_cannot_start_is_not_a_failed_check(
    service: Service, config: Config, clock: Clock, tmp_path: Path, letterbox: Letterbox
) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    service.config = replace(without(config, rounds={"shop": Round(("http://shop.test/",))}), browser=str(broken))
    service.began = NOON - DAY
    schedule = Schedule(service, clock)

    schedule.look()

    assert service.unchecked.startswith("the browser could not be driven: ")
    assert service.store.alarms.checks("shop", limit=1) == []
    assert letterbox.mails == []
