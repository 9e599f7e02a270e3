"""Marks that the product makes: each thing once, on its day, however many processes look."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatekeeper import marking
from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.errors import StoreClosed, StoreUnavailable
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.marking import Marking, digest_of, guard_hash
from gatekeeper.store.books import MarkKind
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.web.service import Service

from .waiting import wait_until
from .web.conftest import KEY, NOON, SHOP, Clock, publish

TODAY = "2026-11-22"
TOMORROW = "2026-11-23"


def config_of(folder: Path, **changes: Any) -> Config:
    sites, problems = read_registry({"sites": {"shop": {**SHOP, **changes}}})
    assert problems == []
    return Config(folder / "gatekeeper.toml", sites, f"sqlite:///{folder / 'gatekeeper.db'}", (KEY,))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_of(tmp_path)


@pytest.fixture
def open_another(config: Config, clock: Clock) -> Iterator[Callable[[], Store]]:
    """Open a store on the same database, as another process would."""
    migrate(config.database_url)
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(config.database_url, clock=clock, wait=20, zones=config.zones))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(open_another: Callable[[], Store]) -> Store:
    return open_another()


def marks(store: Store, *kinds: MarkKind) -> list[tuple[str, str, str]]:
    """Return the marks of some kinds, the oldest first: day, kind, text."""
    found = sorted(store.marks.marks("shop", "2000-01-01", "2099-12-31"), key=lambda mark: (mark.day, mark.at))
    return [(mark.day, mark.kind.value, mark.text) for mark in found if not kinds or mark.kind in kinds]


def look(config: Config, store: Store, clock: Clock) -> None:
    """Look as a process does that has just started."""
    Marking(config, store, clock).look()


def test_a_first_start_marks_what_is_there(config: Config, store: Store, clock: Clock) -> None:
    publish(store, config.sites["shop"])

    look(config, store, clock)

    assert sorted(marks(store)) == [
        (TODAY, "guard", f"The guard of version {marking.__version__} is served ({guard_hash()})"),
        (TODAY, "notice", "Notice 1 was published"),
        (TODAY, "registry", "The registry was read for the first time"),
    ]


def test_looking_again_marks_nothing_again(
    config: Config, store: Store, clock: Clock, open_another: Callable[[], Store]
) -> None:
    publish(store, config.sites["shop"])
    store.see({Sighting("shop", TODAY, Seen.SCRIPT, "new.test", "/"): 1})
    store.lift("shop", lifted=True, at=NOON)
    look(config, store, clock)
    first = marks(store)

    clock.pass_days(1)
    look(config, store, clock)
    look(config, open_another(), clock)

    assert len(first) == 5
    assert marks(store) == first


def test_processes_that_look_at_once_mark_nothing_twice(
    config: Config, clock: Clock, open_another: Callable[[], Store]
) -> None:
    stores = [open_another() for _ in range(4)]
    publish(stores[0], config.sites["shop"])
    stores[0].lift("shop", lifted=True, at=NOON)
    together = threading.Barrier(len(stores))

    def run(store: Store) -> None:
        together.wait()
        look(config, store, clock)

    threads = [threading.Thread(target=run, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = [kind for _, kind, _ in marks(stores[0])]
    assert sorted(found) == ["guard", "mode", "notice", "registry"]


def test_each_notice_is_marked_on_its_day(config: Config, store: Store, clock: Clock) -> None:
    first = publish(store, config.sites["shop"])
    store.publish(replace(first, no=2, published_day=TOMORROW))

    look(config, store, clock)

    assert marks(store, MarkKind.NOTICE) == [
        (TODAY, "notice", "Notice 1 was published"),
        (TOMORROW, "notice", "Notice 2 was published"),
    ]


def test_another_registry_is_marked_when_a_process_starts_with_it(
    config: Config, store: Store, clock: Clock, tmp_path: Path
) -> None:
    other = config_of(tmp_path, name="Better Shop")
    running = Marking(config, store, clock)
    running.look()
    clock.pass_days(1)

    look(other, store, clock)
    running.look()  # it still has the former one, and says nothing
    look(config, store, clock)

    assert marks(store, MarkKind.REGISTRY) == [
        (TODAY, "registry", "The registry was read for the first time"),
        (TOMORROW, "registry", "The registry was changed"),
        (TOMORROW, "registry", "The registry was changed"),
    ]


def test_what_is_published_is_no_change_of_the_registry(config: Config, store: Store) -> None:
    declared = config.sites["shop"]

    assert digest_of(declared.with_notices([publish(store, declared)])) == digest_of(declared)
    assert digest_of(replace(declared, choice_days=90)) != digest_of(declared)
    assert digest_of(replace(declared, trackers=dict(list(declared.trackers.items())[1:]))) != digest_of(declared)


def test_a_policy_that_is_lifted_and_put_back_is_marked_each_time(config: Config, store: Store, clock: Clock) -> None:
    running = Marking(config, store, clock)
    for lifted in (False, True, True, False, True, False):
        store.lift("shop", lifted=lifted, at=NOON)
        running.look()
        clock.pass_days(0.01)

    assert [text for _, _, text in marks(store, MarkKind.MODE)] == [
        "The policy was lifted",
        "The policy was put back",
        "The policy was lifted",
        "The policy was put back",
    ]


def test_another_guard_is_marked(config: Config, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    look(config, store, clock)
    clock.pass_days(1)
    monkeypatch.setattr(marking, "guard_hash", lambda: "cafe0123")

    look(config, store, clock)

    assert [(day, text.endswith("(cafe0123)")) for day, _, text in marks(store, MarkKind.GUARD)] == [
        (TODAY, False),
        (TOMORROW, True),
    ]


def test_a_host_is_marked_on_the_day_it_was_first_seen_and_only_then(
    config: Config, store: Store, clock: Clock
) -> None:
    store.see(
        {
            Sighting("shop", TOMORROW, Seen.SCRIPT, "new.test", "/"): 3,
            Sighting("shop", TODAY, Seen.IMAGE, "new.test", "/shoes"): 1,
            Sighting("shop", TODAY, Seen.COOKIE, "_new"): 1,
        }
    )
    look(config, store, clock)
    store.forget_sightings("shop")
    store.see({Sighting("shop", "2026-11-30", Seen.SCRIPT, "new.test", "/"): 1})
    look(config, store, clock)

    assert marks(store, MarkKind.HOST) == [
        (TODAY, "host", "new.test was seen for the first time, and nothing declares it")
    ]


def test_what_could_not_be_kept_is_marked_at_the_next_look(
    config: Config, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = Marking(config, store, clock)

    def busy(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "sightings", busy)
        running.look()
    assert MarkKind.HOST.value not in [kind for _, kind, _ in marks(store)]

    store.see({Sighting("shop", TODAY, Seen.SCRIPT, "new.test", "/"): 1})
    running.look()

    assert marks(store, MarkKind.HOST)
    assert len(marks(store, MarkKind.REGISTRY)) == 1


def test_a_process_that_ends_looks_no_more(config: Config, store: Store, clock: Clock) -> None:
    store.close()

    with pytest.raises(StoreClosed):
        Marking(config, store, clock).look()


def test_a_process_that_serves_looks_by_itself(config: Config, clock: Clock) -> None:
    migrate(config.database_url)
    service: Service = create_app(config, clock=clock).extensions["gatekeeper"]
    before = threading.enumerate()
    with closing(service.store) as store:
        publish(store, config.sites["shop"])
        service.look_after()
        service.look_after()

        wait_until(lambda: marks(store, MarkKind.NOTICE))
        begun = [thread.name for thread in threading.enumerate() if thread not in before]
        assert begun.count("gatekeeper-marks") == 1
