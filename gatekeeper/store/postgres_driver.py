"""The driver's connection to a PostgreSQL server, which knows patience and discretion."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg

T = TypeVar("T")


class Silent(psycopg.OperationalError):
    """The server did not answer in time, so that nobody knows what it did."""


class Unreachable(psycopg.OperationalError):
    """The server could not be connected to."""


class PatientConnection(psycopg.Connection[tuple[Any, ...]]):
    """The driver's connection, which gives up a server that does not answer. The driver itself would wait for ever."""

    #: In seconds.
    limit = 60.0

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Wait as the driver does, but no longer than the limit."""
        try:
            return super().wait(_within(self.limit, gen), *args, **kwargs)
        except Silent:
            self.pgconn.finish()
            raise


def _within(seconds: float, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """Pass a generator of the driver's on, until it has been waiting too long. It is resumed every 0.1 s."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                raise Silent(f"the server did not answer within {seconds:g} s")
            wanted = gen.send(ready)
    except StopIteration as ended:
        value: T = ended.value
        return value


@contextmanager
def plainly() -> Iterator[None]:
    """Leave of the driver's errors only what they say first: the details quote rows, and so subjects."""
    try:
        yield
    except psycopg.Error as error:
        if error.diag.message_primary:
            error.args = (error.diag.message_primary,)
        raise
