"""Stores on every engine. What proves the contract asks for ``url``, and so runs on all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store

from .things import NOW

#: By engine, how to get a fresh, empty database.
ENGINES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda directory: f"sqlite:///{directory}/gatekeeper.db",
}

OpenStore = Callable[..., Store]


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh database with its tables."""
    address = ENGINES[request.param](tmp_path)
    migrate(address)
    return address


@pytest.fixture
def open_another(url: str) -> Iterator[OpenStore]:
    """Open a store on the same database, as another process would; all are closed at the end."""
    opened = []

    def open_it(*, started: bool = False) -> Store:
        store = open_store(url, clock=lambda: NOW)
        opened.append(store)
        if started:
            store.start()
        return store

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture(params=["serving", "command"])
def store(request: pytest.FixtureRequest, open_another: OpenStore) -> Store:
    """A store as the serving process has it, and as a command has it: both keep the same promises."""
    return open_another(started=request.param == "serving")


@pytest.fixture
def serving(open_another: OpenStore) -> Store:
    """The serving process's store."""
    return open_another(started=True)


@pytest.fixture
def command(open_another: OpenStore) -> Store:
    """A command's store, on the same database."""
    return open_another()
