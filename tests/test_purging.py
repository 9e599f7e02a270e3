"""Purging beside the requests and by hand: daily, by one alone, and what goes wrong is told."""

import json
import os
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gatekeeper.app import create_app
from gatekeeper.cli import main
from gatekeeper.config import Config
from gatekeeper.core.errors import StoreUnavailable
from gatekeeper.core.geo import Geo, GeoKind
from gatekeeper.core.registry import read_registry
from gatekeeper.purging import AGAIN, LOOK_EVERY, Lost, Schedule, steps
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.health import healthz
from gatekeeper.web.http import Request
from gatekeeper.web.service import Service

from .store.things import PERMIT, new_event, new_record

KEY = "a-key-for-tests-that-is-long-enough-to-be-one"
NOON = 1_795_348_800  # 2026-11-22 12:00 UTC
HOUR = 3600
TOML = """
[sites.shop]
name = "Test Shop"
origins = ["http://shop.test"]
controller = { name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.test" }
"""
OLD = Total("shop", "2024-01-01", "hit", "visit", "no_choice")


class Clock:
    at = float(NOON)

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "gatekeeper.toml").write_text(TOML)
    sites, problems = read_registry(tomllib.loads(TOML))
    assert problems == []
    return Config(tmp_path / "gatekeeper.toml", sites, f"sqlite:///{tmp_path / 'gatekeeper.db'}", (KEY,))


@pytest.fixture
def opened(config: Config, clock: Clock) -> Iterator[Callable[[], Store]]:
    migrate(config.database_url)
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(config.database_url, clock=clock))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def service(config: Config, opened: Callable[[], Store], clock: Clock) -> Service:
    store = opened()
    store.start()
    service = create_app(config, store=store, clock=clock).extensions["gatekeeper"]
    assert isinstance(service, Service)
    return service


def health(service: Service) -> tuple[int, list[str], list[str]]:
    """Return the status, the problems but for the missing notice, and the warnings."""
    told = healthz(service, Request({"REQUEST_METHOD": "GET"}, "/healthz"))
    said = json.loads(told.body)
    return told.status, [each for each in said["problems"] if "no notice" not in each], said["warnings"]


def count(service: Service) -> int:
    service.store.tally(OLD)
    service.store.flush()
    return service.store.totals("shop").get(OLD, 0)


def test_it_purges_at_once_where_it_is_due_and_then_once_a_day(service: Service, clock: Clock) -> None:
    schedule = Schedule(service, clock)
    assert count(service) == 1

    assert schedule.look() == LOOK_EVERY
    assert service.store.totals("shop") == {}
    assert service.store.purged_at() == NOON
    count(service)
    clock.at += 23 * HOUR
    schedule.look()
    assert service.store.totals("shop") == {OLD: 1}, "it is not a day yet"
    clock.at += HOUR
    schedule.look()
    assert service.store.totals("shop") == {}


def test_only_one_process_purges(service: Service, opened: Callable[[], Store], clock: Clock) -> None:
    other = opened()
    assert other.lease("purge", 3600)
    count(service)

    assert Schedule(service, clock).look() == LOOK_EVERY
    with pytest.raises(Lost, match="another process purges now"):
        list(steps(service.config, service.store, now=NOON))

    assert service.store.purged_at() is None
    assert health(service)[1] == [], "that another does it is no trouble"
    other.give_back("purge")
    Schedule(service, clock).look()
    assert service.store.purged_at() == NOON


def test_a_purge_that_fails_is_told_and_tried_again(
    service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Iterator[Any]:
        raise StoreUnavailable("the disk is full")

    schedule = Schedule(service, clock)
    with monkeypatch.context() as patch:
        patch.setattr(service.store, "purge", refuse)
        assert schedule.look() == AGAIN

    status, problems, _ = health(service)
    assert status == 503
    assert problems == ["purge: the last one failed (the disk is full); `gatekeeper purge` tries it by hand"]
    assert schedule.look() == LOOK_EVERY
    assert health(service)[1] == []


def test_a_mistake_in_the_program_ends_no_schedule_and_shows_no_secrets(
    service: Service, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def stumble(*_: object, **__: object) -> Iterator[Any]:
        raise KeyError("a visitor's own words")

    monkeypatch.setattr(service.store, "purge", stumble)

    assert Schedule(service, clock).look() == AGAIN
    assert "own words" not in caplog.text
    assert "KeyError at" in caplog.text
    assert "KeyError" in health(service)[1][0]


def test_a_process_that_ends_in_the_middle_of_a_purge_says_nothing_of_it(
    service: Service, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    service.store.close()

    assert Schedule(service, clock).look() == LOOK_EVERY
    assert service.troubles == {}
    assert caplog.messages == []


def test_an_overdue_purge_degrades_health(service: Service, clock: Clock) -> None:
    Schedule(service, clock).look()
    clock.at += 48 * HOUR
    assert health(service)[1] == []

    clock.at += 1

    status, problems, _ = health(service)
    assert status == 503
    assert "overdue for more than 48 hours" in problems[0]


def test_a_database_that_was_never_purged_is_overdue_after_two_days(service: Service, clock: Clock) -> None:
    assert health(service)[1] == []

    clock.at += 48 * HOUR + 1

    assert "overdue" in health(service)[1][0]


def test_a_clock_that_was_set_back_is_told(service: Service, clock: Clock) -> None:
    Schedule(service, clock).look()

    clock.at -= 2 * HOUR

    assert "clock: it stands before the last purge" in health(service)[1][0]
    count(service)
    Schedule(service, clock).look()
    assert service.store.purged_at() == NOON - 2 * HOUR, "it purges all the same, by the clock there is"


def test_a_missing_or_old_geo_file_is_a_warning_and_no_problem(service: Service, clock: Clock, tmp_path: Path) -> None:
    geo = Geo(GeoKind.IP2ASN, files=("there.tsv", "gone.tsv"))
    service.config = replace(service.config, geo=geo)
    file = tmp_path / "there.tsv"
    file.write_text("")
    os.utime(file, (NOON - 91 * 86_400, NOON - 91 * 86_400))

    Schedule(service, clock).look()

    _, problems, warnings = health(service)
    assert problems == []
    assert [word in warning for word, warning in zip(("91 days old", "missing"), warnings, strict=True)] == [True, True]
    assert all("gatekeeper geo update" in warning for warning in warnings)


def test_the_schedule_begins_by_itself_in_a_process_that_opens_its_own_store(config: Config) -> None:
    migrate(config.database_url)
    service = create_app(config).extensions["gatekeeper"]
    try:
        service.look_after()
        service.look_after()
        deadline = time.monotonic() + 20
        while service.store.purged_at() is None:
            assert time.monotonic() < deadline, "it does not purge"
            time.sleep(0.02)
    finally:
        service.store.close()


def test_what_the_process_before_left_is_settled_though_nobody_comes(config: Config) -> None:
    migrate(config.database_url)
    record = new_record()
    with closing(open_store(config.database_url)) as before:
        before.record(record)
        before.append(new_event(record.subject, at=NOON), PERMIT)
        list(steps(config, before, now=NOON))  # so that there is nothing to purge

    after = create_app(config, clock=lambda: NOON).extensions["gatekeeper"]
    with closing(after.store) as store:
        after.look_after()
        deadline = time.monotonic() + 20
        while store.measures().fresh:
            assert time.monotonic() < deadline, "it does not settle"
            time.sleep(0.02)
        assert store.visitors("shop", "2026-11-22", "2026-11-22").total == 1


# By hand


@pytest.fixture
def by_hand(
    config: Config, opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    monkeypatch.setenv("GATEKEEPER_CONFIG", str(config.path))
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", config.database_url)
    monkeypatch.setenv("GATEKEEPER_SECRET_KEYS", "aKeyThatIsLongEnough0123456789abcdefXYZ")

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["purge", *words])
        return result.exit_code, result.output

    return run


def test_by_hand_it_says_what_would_go_and_then_does_it(
    by_hand: Callable[..., tuple[int, str]], opened: Callable[[], Store]
) -> None:
    store = opened()
    store.tally(OLD)
    store.flush()

    code, said = by_hand("--dry-run")
    assert code == 0
    row, end = said.splitlines()
    assert row.split() == ["shop", "rows", "of", "totals", "1"]
    assert end == "Nothing was changed: this was a dry run."
    assert store.totals("shop") == {OLD: 1}
    assert by_hand() == (0, f"{'shop':<16} {'rows of totals':<32} {1:>10}\n")
    assert store.totals("shop") == {}
    assert by_hand() == (0, "Nothing was due.\n")
    assert by_hand("--dry-run") == (0, "Nothing would go.\n")


def test_by_hand_it_waits_for_nobody_who_purges_already(
    by_hand: Callable[..., tuple[int, str]], opened: Callable[[], Store]
) -> None:
    opened().lease("purge", 3600)

    code, said = by_hand()

    assert code == 1
    assert "another process purges now" in said
