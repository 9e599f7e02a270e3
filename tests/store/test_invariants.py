"""However grants, withdrawals, blocks and events of several processes are mixed, an ended subject gets no event."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import InvalidInput
from gatekeeper.store.connections import Connections
from gatekeeper.store.engines import open_store
from gatekeeper.store.keeper import Keeper
from gatekeeper.store.sealing import encode_body
from gatekeeper.store.transactions import Job, Transactions
from gatekeeper.store.writes import block, encode, end, record

from .things import NOW, PERMIT, SITE, new_event, new_id, new_record

SUBJECTS = 3
EVENTS = 4

#: What happens to one of a few subjects: the last number chooses an event's id, so that repeats are common.
steps = st.lists(
    st.tuples(
        st.sampled_from(["record", "end", "append", "append", "append", "restrict", "erase"]),
        st.integers(0, SUBJECTS - 1),
        st.integers(0, EVENTS - 1),
    ),
    max_size=25,
)
#: By which process each step is done, and whether its transaction is to fail and be tried again.
turns = st.lists(st.tuples(st.integers(0, 1), st.booleans()), min_size=1, max_size=8)


@dataclass
class Model:
    """What must be kept, in the plainest words."""

    known: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    kept: dict[int, set[int]] = field(default_factory=dict)

    def step(self, what: str, subject: int, event: int) -> None:
        if what == "record" and subject not in self.blocked:
            self.known.add(subject)
        elif what == "append" and subject in self.known - self.blocked:
            self.kept.setdefault(subject, set()).add(event)
        elif what in {"end", "restrict", "erase"} and subject in self.known:
            self.blocked.add(subject)
            if what == "erase":
                self.erased.add(subject)


@pytest.fixture
def store(url: str) -> Iterator[Keeper]:
    opened = open_store(url, clock=lambda: NOW)
    assert isinstance(opened, Keeper)
    yield opened
    opened.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(steps=steps, turns=turns, size=st.integers(1, 6))
@pytest.mark.row("EU-08")
def test_nothing_of_an_ended_subject_is_appended_in_any_order(
    store: Keeper, steps: list[tuple[str, int, int]], turns: list[tuple[int, bool]], size: int
) -> None:
    subjects = [new_id() for _ in range(SUBJECTS)]
    ids = [new_id() for _ in range(EVENTS)]
    processes = [Transactions(lambda: NOW, {}), Transactions(lambda: NOW, {})]
    model = Model()

    for number, start in enumerate(range(0, len(steps), size)):
        process, fails = turns[number % len(turns)]
        batch = steps[start : start + size]
        if fails:
            with pytest.raises(ZeroDivisionError):
                run(store._connections, processes[process], [*jobs(batch, subjects, ids), Job(work=lambda _: 1 / 0)])
        run(store._connections, processes[process], jobs(batch, subjects, ids))
        for step in batch:
            model.step(*step)

    for number, subject in enumerate(subjects):
        expected = set() if number in model.erased else {ids[event] for event in model.kept.get(number, set())}
        assert {event.id for event in store.events(SITE, subject)} == expected
        assert rows(store._connections, subject) == len(model.kept.get(number, set()))


def run(connections: Connections, process: Transactions, batch: list[Job]) -> None:
    with connections.use() as connection:
        process.run(connection, batch)
    assert all(job.error is None or isinstance(job.error, InvalidInput) for job in batch)


def rows(connections: Connections, subject: bytes) -> int:
    with connections.use() as connection:
        return len(connection.execute(connection.sql.events, (SITE, subject) * 2).fetchall())


def jobs(batch: list[tuple[str, int, int]], subjects: list[bytes], ids: list[bytes]) -> list[Job]:
    return [job(what, subjects[subject], ids[event]) for what, subject, event in batch]


def job(what: str, subject: bytes, event_id: bytes) -> Job:
    who = (SITE, subject)
    if what == "append":
        event = new_event(subject, id=event_id)
        return Job([encode(event, encode_body(event, PERMIT), b"")])
    if what == "record":
        return Job(work=lambda connection: record(connection, new_record(subject)))
    if what == "end":
        return Job(work=lambda connection: end(connection, who, State.WITHDRAWN, NOW))
    status = {"restrict": Status.RESTRICTED, "erase": Status.ERASED}[what]
    return Job(work=lambda connection: block(connection, who, status, NOW))
