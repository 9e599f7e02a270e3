"""The writer under trouble: a locked, full or read-only database is told within a second, and mends by itself."""

import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import InvalidInput, StoreUnavailable
from gatekeeper.core.events import Permitted
from gatekeeper.store import writer as writers
from gatekeeper.store.contract import Total
from gatekeeper.store.engines import migrate
from gatekeeper.store.keeper import Keeper
from gatekeeper.store.sqlite import PRAGMAS, SqliteEngine
from gatekeeper.store.transactions import Job, Transactions

from .conftest import OpenStore
from .things import NOW, PERMIT, SITE, new_event, new_notice, new_record, took

REFUSED = Total(SITE, "2026-11-18", "hit", "visit", "refused")


@pytest.fixture
def url(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path}/gatekeeper.db"
    migrate(address)
    return address


@pytest.fixture
def serving(open_another: OpenStore) -> Keeper:
    store = open_another(started=True, wait=0.8)
    assert isinstance(store, Keeper)
    return store


@pytest.fixture
def subject(serving: Keeper) -> bytes:
    record = new_record()
    serving.record(record)
    return record.subject


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def refused_within(seconds: float, action: Callable[[], object]) -> None:
    started = time.monotonic()
    with pytest.raises(StoreUnavailable):
        action()
    assert took(started) < seconds


def wait_until_well(store: Keeper, *, within: float = 5.0) -> None:
    deadline = time.monotonic() + within
    while True:
        try:
            store.check()
        except StoreUnavailable:
            assert time.monotonic() < deadline, "it did not recover by itself"
            time.sleep(0.01)
        else:
            return


def statements(store: Keeper) -> list[str]:
    """Return a list that grows by every statement that the store's idle connection runs from now on."""
    seen: list[str] = []
    for connection in store._connections._idle:
        connection.set_trace_callback(seen.append)
    return seen


# Kinds of trouble: each context makes the store's database take no writes for as long as it lasts.

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(store: Keeper) -> Iterator[None]:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(store._engine.path)], stdin=-1, stdout=-1)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        yield
    finally:
        holder.communicate()


@contextmanager
def read_only(store: Keeper) -> Iterator[None]:
    before = store._engine.pragmas
    store._engine.pragmas = (*before, "query_only = ON")
    forget_connections(store)
    try:
        yield
    finally:
        store._engine.pragmas = before
        forget_connections(store)


@contextmanager
def no_page_left(store: Keeper) -> Iterator[None]:
    before = store._engine.pragmas
    store._engine.pragmas = (*before, "max_page_count = 1")  # that is: as many as there are
    forget_connections(store)
    fill_free_pages(store)
    try:
        yield
    finally:
        store._engine.pragmas = before
        forget_connections(store)


def forget_connections(store: Keeper) -> None:
    store._connections.pause()
    store._connections.resume()


def fill_free_pages(store: Keeper) -> None:
    for _ in range(100):
        try:
            store.record(new_record())
        except StoreUnavailable:
            return
    raise AssertionError("there was always another page")


TROUBLES = [held_by_another_process, read_only, no_page_left]


@pytest.mark.row("SE-19")
@pytest.mark.parametrize("trouble", TROUBLES)
def test_in_trouble_everything_is_refused_within_a_second_and_it_mends_by_itself(
    serving: Keeper, subject: bytes, trouble: Callable[[Keeper], object]
) -> None:
    kept = new_event(subject)
    serving.append(kept, PERMIT)

    with trouble(serving):  # type: ignore[attr-defined]
        refused_within(1.0, lambda: serving.append(new_event(subject), PERMIT))
        for _ in range(5):
            refused_within(0.25, lambda: serving.append(new_event(subject), PERMIT))
            refused_within(0.25, serving.check)
        refused_within(0.25, lambda: serving.record(new_record()))
        refused_within(0.25, lambda: serving.end(SITE, subject, State.WITHDRAWN, at=NOW))
        serving.tally(REFUSED)
        refused_within(1.0, serving.flush)

    wait_until_well(serving)
    after = new_event(subject, at=NOW + 1)
    serving.append(after, PERMIT)
    serving.flush()
    assert serving.events(SITE, subject) == [kept, after]
    assert serving.totals(SITE) == {REFUSED: 1}, "a tally that could not be written waits on"


@pytest.mark.row("SE-19")
def test_trouble_is_known_within_a_second_without_any_event(serving: Keeper) -> None:
    serving.check()

    with held_by_another_process(serving):
        started = time.monotonic()
        while True:
            asked = time.monotonic()
            try:
                serving.check()
            except StoreUnavailable:
                break
            finally:
                assert took(asked) < 0.9
            time.sleep(0.01)
        assert took(started) < 2.0


def test_a_crowd_waits_neither_long_nor_in_memory(serving: Keeper, subject: bytes) -> None:
    answers: list[float] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            started = time.monotonic()
            with pytest.raises(StoreUnavailable):
                serving.append_all([Permitted(new_event(subject), PERMIT)] * 5)
            answers.append(took(started))
            time.sleep(0.001)

    with held_by_another_process(serving):
        crowd = [threading.Thread(target=visit) for _ in range(64)]
        for visitor in crowd:
            visitor.start()
        time.sleep(0.5)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        time.sleep(1.5)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        done.set()
        for visitor in crowd:
            visitor.join()

    assert len(answers) > 500
    assert max(answers) < 1.0
    assert after - before < 1_000_000
    assert serving._writer._queue.qsize() <= writers.MAX_WAITING


class SmallDisk:
    """A file system of 4 MB, full but for what the database has."""

    def __init__(self, directory: Path) -> None:
        self._ballast = directory / "ballast"

    def fill(self, store: Keeper) -> None:
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def make_room(self, store: Keeper) -> None:
        self._ballast.unlink()


class PageLimit:
    """Where this user may not mount a file system: a limit on the database itself, which SQLite reports alike."""

    def fill(self, store: Keeper) -> None:
        store._engine.pragmas = (*PRAGMAS, "max_page_count = 200")
        forget_connections(store)

    def make_room(self, store: Keeper) -> None:
        store._engine.pragmas = PRAGMAS
        forget_connections(store)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk | PageLimit]:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode != 0:
        yield PageLimit()
        return
    yield SmallDisk(tmp_path)
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.mark.row("SE-19")
def test_on_a_full_disk_it_refuses_and_with_room_it_goes_on(disk: SmallDisk | PageLimit, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gatekeeper.db"
    migrate(url)
    store = Keeper(SqliteEngine(tmp_path / "gatekeeper.db"), clock=lambda: NOW, wait=0.8, zones={})
    store.start()
    record = new_record()
    store.record(record)
    disk.fill(store)
    kept = append_until_refused(store, record.subject)

    for _ in range(5):
        refused_within(1.0, lambda: store.append(new_event(record.subject), PERMIT))
        refused_within(1.0, store.check)
    disk.make_room(store)

    wait_until_well(store)
    last = new_event(record.subject)
    store.append(last, PERMIT)
    assert {event.id for event in store.events(SITE, record.subject)} == {*kept, last.id}
    store.close()


def append_until_refused(store: Keeper, subject: bytes) -> list[bytes]:
    kept = []
    for _ in range(5000):
        event = new_event(subject)
        try:
            store.append(event, PERMIT)
        except StoreUnavailable:
            return kept
        kept.append(event.id)
    raise AssertionError("the disk was never full")


def test_a_little_room_does_not_pass_for_health(serving: Keeper, subject: bytes) -> None:
    # After it was full, the probe asks for as much as a batch needs: else it would go back and forth.
    with no_page_left(serving):
        refused_within(1.0, lambda: serving.append(new_event(subject, fields={"path": "/" * 9000}), PERMIT))
        time.sleep(2.5 * writers.PROBE_EVERY)
        refused_within(0.25, serving.check)

    wait_until_well(serving)


# Waiting


def test_a_link_waits_as_long_as_it_says(serving: Keeper, subject: bytes) -> None:
    late = new_event(subject)

    with held_by_another_process(serving):
        started = time.monotonic()
        with pytest.raises(StoreUnavailable):
            serving.append(late, PERMIT, wait=0.1)
        assert 0.09 < took(started) < 0.25


def test_a_late_event_is_still_kept_if_the_database_answers_then(serving: Keeper, subject: bytes) -> None:
    late = new_event(subject)
    holder = sqlite3.connect(serving._engine.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreUnavailable, match="too slow"):
        serving.append(late, PERMIT, wait=0.05)
    holder.execute("ROLLBACK")
    holder.close()

    serving.flush()  # goes the same way, after it
    assert serving.events(SITE, subject) == [late]


def test_beyond_the_queues_bound_writes_are_refused_at_once(
    serving: Keeper, subject: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "MAX_WAITING", 3)
    refusals = []

    def visit() -> None:
        try:
            serving.append(new_event(subject), PERMIT)
        except StoreUnavailable as error:
            refusals.append(str(error))

    holder = sqlite3.connect(serving._engine.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    crowd = [threading.Thread(target=visit) for _ in range(30)]
    for visitor in crowd:
        visitor.start()
    for visitor in crowd:
        visitor.join()
    holder.execute("ROLLBACK")
    holder.close()

    assert any("too many writes wait" in refusal for refusal in refusals)


# Many in one transaction


def test_those_who_come_together_are_written_together(serving: Keeper, subject: bytes) -> None:
    seen = statements(serving)
    crowd = [
        threading.Thread(target=lambda: [serving.append(new_event(subject), PERMIT) for _ in range(20)])
        for _ in range(16)
    ]

    for visitor in crowd:
        visitor.start()
    for visitor in crowd:
        visitor.join()

    assert len(serving.events(SITE, subject)) == 320
    assert seen.count("COMMIT") < 160


def test_in_a_batch_a_mistake_fails_alone(serving: Keeper) -> None:
    good, ended, strange = new_record(), new_record(), new_record()
    serving.record(ended)
    serving.end(SITE, ended.subject, State.WITHDRAWN, at=NOW)
    event = new_event(good.subject)
    outcomes: dict[str, object] = {}

    def attempt(name: str, action: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                action()
                outcomes[name] = None
            except Exception as error:
                outcomes[name] = type(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    holder = sqlite3.connect(serving._engine.path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    serving._writer.wake()
    threads = [
        attempt("good", lambda: serving.record(good)),
        attempt("ended", lambda: serving.record(new_record(ended.subject))),
        attempt("notice", lambda: serving.publish(new_notice(7))),
        attempt("program", lambda: serving.end(SITE, strange.subject, State.WITHDRAWN, at="noon")),  # type: ignore
        attempt("mistake", lambda: serving._writer.do(Job(work=lambda _: 1 / 0))),  # type: ignore[arg-type,return-value]
        attempt("check", serving.check),
    ]
    time.sleep(0.1)
    holder.execute("ROLLBACK")
    holder.close()
    for thread in threads:
        thread.join()
    serving.append(event, PERMIT)

    assert outcomes == {
        "good": None,
        "ended": InvalidInput,
        "notice": InvalidInput,
        "program": None,
        "mistake": StoreUnavailable,
        "check": None,
    }
    assert serving.events(SITE, good.subject) == [event]


def test_after_a_roll_back_no_key_of_it_is_used(serving: Keeper) -> None:
    # A subject whose key was made in a transaction that failed gets another key when it comes again.
    transactions = Transactions(lambda: NOW, {})
    record = new_record()
    event = new_event(record.subject)
    serving.check()

    def keep(connection: sqlite3.Connection) -> None:
        from gatekeeper.store import writes

        writes.record(connection, record)

    def append(*, fail: bool) -> None:
        from gatekeeper.store.keeper import _encode

        jobs = [Job(work=keep), Job([_encode(event, PERMIT)])]
        if fail:
            jobs.append(Job(work=lambda _: 1 / 0))  # type: ignore[arg-type,return-value]
        with serving._connections.use() as connection:
            transactions.run(connection, jobs)

    with pytest.raises(ZeroDivisionError):
        append(fail=True)
    append(fail=False)

    assert serving.events(SITE, record.subject) == [event]


# Health


def test_while_idle_nothing_is_written(serving: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "FLUSH_EVERY", 0.05)
    serving.check()
    seen = statements(serving)

    time.sleep(1.2)

    assert seen == []


def test_a_store_that_is_known_to_be_well_answers_without_writing(serving: Keeper, subject: bytes) -> None:
    serving.append(new_event(subject), PERMIT)
    seen = statements(serving)

    for _ in range(1000):
        serving.check()

    assert seen == []


def test_what_is_known_is_refreshed_in_the_background(serving: Keeper) -> None:
    serving.check()
    seen = statements(serving)
    slowest = 0.0

    for _ in range(120):
        started = time.monotonic()
        serving.check()
        slowest = max(slowest, took(started))
        time.sleep(0.01)

    beats = sum("heartbeat" in statement for statement in seen)
    assert 1 <= beats <= 3
    assert slowest < 0.25


def test_an_append_that_changes_nothing_proves_nothing(serving: Keeper, subject: bytes) -> None:
    # On a full disk an empty transaction commits.
    event = new_event(subject)
    serving.append(event, PERMIT)
    known = serving._writer._well_at

    serving.append(event, PERMIT)
    serving.end(SITE, os.urandom(16), State.WITHDRAWN, at=NOW)

    assert serving._writer._well_at == known


# The tally


def test_the_tally_is_written_once_it_is_due(
    serving: Keeper, open_another: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "FLUSH_EVERY", 0.1)

    serving.tally(REFUSED, 2)

    deadline = time.monotonic() + 5
    while open_another().totals(SITE) != {REFUSED: 2}:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_tally_is_not_written_before(serving: Keeper, subject: bytes, open_another: OpenStore) -> None:
    serving.tally(REFUSED)
    serving.append(new_event(subject), PERMIT)

    assert open_another().totals(SITE) == {}


def test_closing_in_trouble_ends(serving: Keeper, subject: bytes) -> None:
    serving.append(new_event(subject), PERMIT)
    serving.tally(REFUSED)

    with held_by_another_process(serving):
        started = time.monotonic()
        serving.close()
        assert took(started) < 3.0


def test_many_keys_are_remembered_but_not_all(serving: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatekeeper.store.writes._REMEMBERED_KEYS", 2)
    records = [new_record() for _ in range(6)]

    for _ in range(2):
        for record in records:
            if not serving.records(SITE, record.subject):
                serving.record(record)
            serving.append(new_event(record.subject), PERMIT)

    assert [len(serving.events(SITE, record.subject)) for record in records] == [2] * 6
    assert len(serving._writer._transactions._appender._sealers) == 2
    serving.block(SITE, records[-1].subject, Status.ERASED, at=NOW)
    serving.append(new_event(records[-1].subject), PERMIT)
    assert (SITE, records[-1].subject) not in serving._writer._transactions._appender._sealers
