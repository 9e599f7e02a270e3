"""Slow bodies: they hold some threads for some time, and no more."""

import io
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.web.bodies import FREE, SHARE, WATCHED, Bodies
from gatekeeper.web.errors import StillSending, TooManySlow


class Slow:
    """Clients that have sent half of a body, each on a thread of its own."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._rest = threading.Event()
        self._threads: list[threading.Thread] = []
        self.errors: list[Exception] = []

    def come(self, number: int, who: str) -> None:
        arrived = threading.Semaphore(0)

        def read(wanted: int) -> bytes:
            arrived.release()
            self._rest.wait(30)
            return b"x" * wanted

        def ask() -> None:
            try:
                self._bodies.read(read, 10, lambda: who)
            except Exception as error:
                self.errors.append(error)

        for _ in range(number):
            self._threads.append(threading.Thread(target=ask))
            self._threads[-1].start()
            assert arrived.acquire(timeout=10)

    def send_the_rest(self) -> None:
        self._rest.set()
        for thread in self._threads:
            thread.join(10)


class Clock:
    at = 1000.0

    def __call__(self) -> float:
        return self.at


clock = Clock()


@pytest.fixture
def bodies() -> Bodies:
    return Bodies(patience=5, clock=clock)


@pytest.fixture
def slow(bodies: Bodies) -> Iterator[Slow]:
    slow = Slow(bodies)
    yield slow
    slow.send_the_rest()


def at_once(wanted: int) -> bytes:
    return b"y" * wanted


def test_a_body_that_is_there_is_read_in_the_thread_that_asks(bodies: Bodies) -> None:
    def read(wanted: int) -> bytes:
        return threading.current_thread().name.encode()

    assert bodies.read(read, 10, lambda: "") == threading.current_thread().name.encode()


def test_beside_slow_ones_a_quick_body_is_read_all_the_same(bodies: Bodies, slow: Slow) -> None:
    slow.come(FREE + SHARE, "203.0.113.9")

    assert bodies.read(at_once, 3, lambda: "203.0.113.10") == b"yyy"


def test_one_address_cannot_take_every_place(bodies: Bodies, slow: Slow) -> None:
    slow.come(FREE + SHARE, "203.0.113.9")

    with pytest.raises(TooManySlow):
        bodies.read(at_once, 3, lambda: "203.0.113.9")


def test_many_addresses_cannot_take_more_than_there_are(bodies: Bodies, slow: Slow) -> None:
    slow.come(FREE, "")
    for n in range(WATCHED):
        slow.come(1, str(n))

    with pytest.raises(TooManySlow):
        bodies.read(at_once, 3, lambda: "203.0.113.9")


def test_a_watched_body_that_comes_a_few_bytes_at_a_time_is_given_up(slow: Slow, bodies: Bodies) -> None:
    slow.come(FREE, "")

    def dribble(wanted: int) -> bytes:
        clock.at += 1.5
        return b"x" * wanted

    with pytest.raises(StillSending, match="within 5 s"):
        bodies.read(dribble, 1000, lambda: "203.0.113.9")
    assert bodies.read(at_once, 3, lambda: "203.0.113.9") == b"yyy", "its place is free again"


@given(st.binary(max_size=100), st.integers(0, 120))
def test_a_watched_body_is_the_same_as_one_read_at_once(sent: bytes, wanted: int) -> None:
    bodies = Bodies()
    slow = Slow(bodies)
    slow.come(FREE, "")

    got = bodies.read(io.BytesIO(sent).read, wanted, lambda: "203.0.113.9")

    slow.send_the_rest()
    assert got == sent[:wanted]


def test_it_is_known_for_how_long_the_slowest_has_been_waited_for(slow: Slow, bodies: Bodies) -> None:
    assert bodies.slowest() == 0
    slow.come(1, "")
    clock.at += 7
    slow.come(1, "")
    clock.at += 2

    assert bodies.slowest() == 9
    slow.send_the_rest()
    assert bodies.slowest() == 0


def test_places_come_free_again() -> None:
    bodies = Bodies()
    for _ in range(3):
        slow = Slow(bodies)
        slow.come(FREE + SHARE, "203.0.113.9")
        slow.send_the_rest()

        assert slow.errors == []
        assert bodies.read(at_once, 3, lambda: "203.0.113.9") == b"yyy"


def test_what_the_server_raises_is_raised_here(bodies: Bodies, slow: Slow) -> None:
    def broken(wanted: int) -> bytes:
        raise ConnectionError("gone")

    slow.come(FREE, "")

    with pytest.raises(ConnectionError, match="gone"):
        bodies.read(broken, 3, lambda: "203.0.113.9")
