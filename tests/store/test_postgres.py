"""The store on PostgreSQL: several processes write at once, and the server may go away and come back."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from gatekeeper.core.choices import State
from gatekeeper.core.errors import ConfigError, StoreUnavailable
from gatekeeper.store import writes
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engine import Connection
from gatekeeper.store.engines import find_engine, migrate, open_store
from gatekeeper.store.postgres import PostgresEngine
from gatekeeper.store.postgres_connections import PostgresConnection
from gatekeeper.store.postgres_driver import Silent, Unreachable
from gatekeeper.store.sealing import encode_body
from gatekeeper.store.transactions import Job

from ..postgres import Postgres
from .conftest import OpenStore
from .things import NOW, PERMIT, SITE, count, new_event, new_id, new_record, took

LONG = 20.0  # seconds
ROOT = Path(__file__).parents[2]
WITHDRAWN = Total(SITE, "2026-11-18", "hit", "visit", "withdrawn")


@pytest.fixture
def url(postgres: Postgres, migrated: str) -> Iterator[str]:
    with postgres.fresh(migrated) as address:
        yield address


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """A connection of the test's own."""
    opened = find_engine(url).connect()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def in_thread(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def wait_until(true: Callable[[], object], *, within: float = LONG) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def somebody_waits(connection: Connection) -> bool:
    """Tell whether a session of this database waits for a lock."""
    connection.execute("SELECT pg_stat_clear_snapshot()")  # else it is the same all through a transaction
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(connection.execute(query).fetchone()[0])


# Addresses


def test_what_cannot_be_reached_is_named_without_user_or_password() -> None:
    address = "postgresql://somebody:hunter2@127.0.0.1:1/gk"

    for use in (migrate, lambda url: open_store(url).start(), lambda url: open_store(url).notices(SITE)):
        with pytest.raises(ConfigError, match=r"database 'gk' at 127\.0\.0\.1 cannot be reached") as raised:
            use(address)
        assert "hunter2" not in str(raised.value)
        assert "somebody" not in str(raised.value)


def test_without_its_driver_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gatekeeper.store.postgres", None)

    with pytest.raises(ConfigError, match=r"pip install 'gatekeeper\[postgres\]'"):
        open_store("postgresql://db/gk")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_each_usual_name_of_the_scheme_is_understood(url: str, scheme: str) -> None:
    address = url.replace("postgresql", scheme, 1)

    store = open_store(address)

    assert store.notices(SITE) == []
    store.close()


# A withdrawal, seen from other processes


@pytest.mark.row("EU-08")
def test_an_append_waits_for_a_withdrawal_under_way_and_heeds_it(connection: Connection, command: Store) -> None:
    record = new_record()
    command.record(record)
    connection.execute(connection.BEGIN)
    writes.end(connection, (SITE, record.subject), State.WITHDRAWN, NOW)

    visit = in_thread(lambda: command.append(new_event(record.subject), PERMIT))
    wait_until(lambda: somebody_waits(connection))
    connection.execute("COMMIT")
    visit.join()

    assert command.events(SITE, record.subject) == []
    assert command.totals(SITE) == {WITHDRAWN: 1}


@pytest.mark.row("EU-08")
def test_a_withdrawal_waits_for_an_append_under_way_so_nothing_follows_it(
    connection: Connection, command: Store
) -> None:
    record = new_record()
    command.record(record)
    event = new_event(record.subject)
    connection.execute(connection.BEGIN)
    writes.Appender({}).append(connection, [writes.encode(event, encode_body(event, PERMIT), b"")], "2026-11-22")

    done: list[float] = []
    withdrawal = in_thread(
        lambda: (command.end(SITE, record.subject, State.WITHDRAWN, at=NOW), done.append(time.monotonic()))
    )
    wait_until(lambda: somebody_waits(connection))
    committed = time.monotonic()
    connection.execute("COMMIT")
    withdrawal.join()
    command.append(new_event(record.subject), PERMIT)

    assert done[0] > committed
    assert command.events(SITE, record.subject) == [event]


@pytest.mark.row("EU-08")
def test_once_a_withdrawal_is_answered_no_process_adds_anything(open_another: OpenStore) -> None:
    workers = [open_another(started=True) for _ in range(2)]
    command = open_another()
    record = new_record()
    command.record(record)
    done = threading.Event()

    def visit(worker: Store) -> None:
        while not done.is_set():
            worker.append(new_event(record.subject), PERMIT)

    visitors = [in_thread(lambda worker=worker: visit(worker)) for worker in workers * 3]
    wait_until(lambda: len(command.events(SITE, record.subject)) > 20)
    command.end(SITE, record.subject, State.WITHDRAWN, at=NOW)
    at_the_answer = len(command.events(SITE, record.subject))
    wait_until(lambda: all(worker.totals(SITE).get(WITHDRAWN, 0) > 5 for worker in workers))
    done.set()
    for visitor in visitors:
        visitor.join()

    assert len(command.events(SITE, record.subject)) == at_the_answer


def test_two_grants_of_one_subject_at_once_leave_one_that_holds(open_another: OpenStore) -> None:
    stores = [open_another() for _ in range(4)]
    subject = new_id()
    begin = threading.Barrier(len(stores))

    def grant(store: Store) -> None:
        begin.wait()
        store.record(new_record(subject))

    for thread in [in_thread(lambda store=store: grant(store)) for store in stores]:
        thread.join()

    assert [record.ended_as for record in stores[0].records(SITE, subject)].count("") == 1
    assert len(stores[0].records(SITE, subject)) == 4


# Two processes

WRITE = """
import sys, threading
from gatekeeper.store.engines import open_store
from tests.store.things import PERMIT, new_event
store = open_store(sys.argv[1], wait=20)
store.start()
subject = bytes.fromhex(sys.argv[2])
ids = [bytes([no % 256, no // 256]) * 8 for no in range(300)]
print("ready", flush=True)
sys.stdin.readline()
def visit(mine):
    for event_id in mine:
        store.append(new_event(subject, id=event_id), PERMIT)
visitors = [threading.Thread(target=visit, args=(ids[start::8],)) for start in range(8)]
for visitor in visitors: visitor.start()
for visitor in visitors: visitor.join()
store.close()
"""


def test_two_processes_that_get_the_same_events_at_once_keep_each_once(url: str, command: Store) -> None:
    record = new_record()
    command.record(record)
    call = [sys.executable, "-W", "error", "-c", WRITE, url, record.subject.hex()]
    workers = [subprocess.Popen(call, cwd=ROOT, stdin=-1, stdout=-1, text=True) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"

    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()

    assert [worker.communicate(timeout=60)[0] for worker in workers] == ["", ""]
    assert [worker.returncode for worker in workers] == [0, 0]
    command.settle()
    assert count(url, "fresh_events") == 0
    assert count(url, "events") == 300
    assert len(command.events(SITE, record.subject)) == 300


# Trouble


def end_sessions(connection: Connection) -> None:
    """End all sessions of this database but one's own, as a server that restarts does."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


def test_a_lost_connection_is_noticed_by_nobody(connection: Connection, serving: Store) -> None:
    record = new_record()
    serving.record(record)
    events = [new_event(record.subject, at=NOW + no) for no in range(5)]

    for event in events:
        end_sessions(connection)
        serving.append(event, PERMIT)
        end_sessions(connection)
        serving.events(SITE, record.subject)

    assert serving.events(SITE, record.subject) == events
    serving.check()


def test_a_server_that_does_not_answer_is_given_up(url: str) -> None:
    engine = find_engine(url)
    assert isinstance(engine, PostgresEngine)
    engine.limit = 0.3
    connection = engine.connect()
    started = time.monotonic()

    with pytest.raises(Silent, match=r"did not answer within 0\.3 s") as raised:
        connection.execute("SELECT pg_sleep(60)")

    assert took(started) < 10
    assert connection.driver.closed
    assert not engine.passes(raised.value), "nobody knows what it did"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (errors.SerializationFailure(), True),
        (errors.DeadlockDetected(), True),
        (errors.LockNotAvailable(), True),
        (errors.AdminShutdown(), True),
        (errors.CrashShutdown(), True),
        (errors.IdleInTransactionSessionTimeout(), True),
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (errors.CannotConnectNow(), False),
        (errors.DiskFull(), False),
        (errors.ReadOnlySqlTransaction(), False),
        (errors.UniqueViolation(), False),
        (psycopg.ProgrammingError(), False),
        (Silent(), False),
        (Unreachable(), False),
        (OSError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_worth_trying_again(error: Exception, again: bool) -> None:
    assert PostgresEngine({"dbname": "gk"}).passes(error) is again


def test_what_was_lost_while_it_was_committed_is_not_run_again(
    connection: Connection, command: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    execute = PostgresConnection.execute

    def lose(self: PostgresConnection, statement: str, parameters: Sequence[object] = ()) -> object:
        if statement == "COMMIT":
            execute(connection, "SELECT pg_terminate_backend(%s)", (self.driver.info.backend_pid,))  # type: ignore[arg-type]
        return execute(self, statement, parameters)

    monkeypatch.setattr(PostgresConnection, "execute", lose)

    with pytest.raises(StoreUnavailable):
        command._do(Job(work=lambda _: runs.append(1)))

    assert runs == [1], "it may have been written: whoever asked tries again with the same ids"


def test_a_lock_that_was_not_to_be_had_is_tried_for_again(connection: Connection, serving: Store) -> None:
    record = new_record()
    serving.record(record)
    connection.execute(connection.BEGIN)
    connection.execute(connection.sql.hold, (SITE, record.subject))

    visit = in_thread(lambda: serving.append(new_event(record.subject), PERMIT))
    wait_until(lambda: somebody_waits(connection))
    time.sleep(0.35)  # longer than a serving process waits for a lock, shorter than a request waits
    connection.execute("COMMIT")
    visit.join()

    assert len(serving.events(SITE, record.subject)) == 1


def test_a_deadlock_is_resolved_by_trying_again(url: str, open_another: OpenStore) -> None:
    # Each of two transactions holds a subject, and then wants the other's.
    store = open_another()
    first, second = new_record(), new_record()
    for record in (first, second):
        store.record(record)
    both = threading.Barrier(2)
    tried: list[bytes] = []

    def hold_and_want(one: bytes, other: bytes) -> None:
        def work(connection: Connection) -> None:
            tried.append(one)
            writes.end(connection, (SITE, one), State.WITHDRAWN, NOW)
            if tried.count(one) == 1:
                both.wait()
            writes.end(connection, (SITE, other), State.WITHDRAWN, NOW)

        open_another()._do(Job(work=work))

    for thread in [
        in_thread(lambda: hold_and_want(first.subject, second.subject)),
        in_thread(lambda: hold_and_want(second.subject, first.subject)),
    ]:
        thread.join()

    assert len(tried) >= 3, "one of the two was run again"
    assert [store.records(SITE, record.subject)[0].ended_as for record in (first, second)] == ["withdrawn"] * 2


def test_an_error_quotes_no_row(connection: Connection, command: Store) -> None:
    record = new_record()
    command.record(record)

    with pytest.raises(errors.UniqueViolation) as raised:
        connection.execute("INSERT INTO subjects VALUES (%s, %s, NULL)", (SITE, record.subject))

    assert str(raised.value) == 'duplicate key value violates unique constraint "pk_subjects"'


def test_one_process_opens_few_connections(connection: Connection, serving: Store) -> None:
    record = new_record()
    serving.record(record)
    most = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            serving.records(SITE, record.subject)

    readers = [in_thread(read) for _ in range(24)]
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    )
    for _ in range(40):
        most.append(connection.execute(query).fetchone()[0])
        serving.append(new_event(record.subject), PERMIT)
    done.set()
    for reader in readers:
        reader.join()

    assert max(most) <= 1 + PostgresEngine.most_connections + 1, "the test's own, the readers', the writer's"


def test_a_process_that_hangs_in_a_transaction_stops_the_others_for_seconds_only(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("gatekeeper.store.postgres.IDLE_LIMIT", 0.5)
    hanging = find_engine(url).connect()
    assert isinstance(hanging, PostgresConnection)
    record = new_record()
    store = open_store(url)
    store.record(record)
    hanging.execute(hanging.BEGIN)
    hanging.execute(hanging.sql.hold, (SITE, record.subject))

    started = time.monotonic()
    store.append(new_event(record.subject), PERMIT)

    assert took(started) < 3
    with pytest.raises(errors.IdleInTransactionSessionTimeout):
        hanging.execute("COMMIT")
    hanging.close()
    store.close()


def test_what_cannot_be_promised_is_refused_and_nothing_that_was_answered_is_lost(tmp_path: Path) -> None:
    # A crowd, while the server hangs, comes back, crashes and is started again.
    server = Postgres()
    server.execute("CREATE DATABASE gk")
    url = server.url("gk")
    migrate(url)
    store = open_store(url, clock=lambda: NOW)
    store.start()
    record = new_record()
    store.record(record)
    answered: list[bytes] = []
    slowest: list[float] = []
    refused: list[str] = []
    waiting: list[int] = []
    done = threading.Event()

    def visit() -> None:
        while not done.is_set():
            event = new_event(record.subject)
            while not done.is_set():
                started = time.monotonic()
                try:
                    store.append(event, PERMIT)
                except StoreUnavailable as error:
                    refused.append(str(error))
                    slowest.append(took(started))
                    time.sleep(0.01)
                else:
                    answered.append(event.id)
                    break
            waiting.append(store._writer.waiting)

    visitors = [in_thread(visit) for _ in range(24)]

    def answers() -> None:
        so_far = len(answered)
        wait_until(lambda: len(answered) > so_far + 50, within=20)

    def refusals() -> None:
        so_far = len(refused)
        wait_until(lambda: len(refused) > so_far + 50, within=20)

    try:
        answers()
        server.freeze()
        refusals()
        refused_at = time.monotonic()
        with pytest.raises(StoreUnavailable):
            store.records(SITE, record.subject)
        assert took(refused_at) < 0.5, "reading does not wait for what is known not to answer"
        time.sleep(0.5)
        server.thaw()
        answers()
        server.crash()
        refusals()
        server.start()
        answers()
        store.check()
    finally:
        server.thaw()
        done.set()
        for visitor in visitors:
            visitor.join()

    kept = [event.id for event in store.events(SITE, record.subject)]
    assert set(answered) <= set(kept), "nothing that was answered is lost"
    assert len(kept) == len(set(kept)), "nothing is there twice"
    assert max(slowest) < 1.5
    assert max(waiting) <= len(visitors)
    store.close()
    server.stop()
