"""Stores on every engine. What proves the contract asks for ``url``, and so runs on all of them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from gatekeeper.store.contract import Store
from gatekeeper.store.engines import migrate, open_store

from ..postgres import Postgres
from .things import NOW

OpenStore = Callable[..., Store]
#: How long a write may take where a test is not about that, in seconds: machines that run tests are busy.
PATIENT = 20.0


@contextmanager
def on_sqlite(request: pytest.FixtureRequest) -> Iterator[str]:
    address = f"sqlite:///{request.getfixturevalue('tmp_path')}/gatekeeper.db"
    migrate(address)
    yield address


@contextmanager
def on_postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    server: Postgres = request.getfixturevalue("postgres")
    with server.fresh(request.getfixturevalue("migrated")) as address:
        yield address


#: By engine, how to get a fresh database with its tables.
ENGINES: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[str]]] = {
    "sqlite": on_sqlite,
    "postgres": on_postgres,
}


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> str:
    """The name of a database with its tables, to be copied: that is quicker than to migrate."""
    postgres.execute("CREATE DATABASE migrated")
    migrate(postgres.url("migrated"))
    return "migrated"


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a fresh database with its tables."""
    with ENGINES[request.param](request) as address:
        yield address


@pytest.fixture
def open_another(url: str) -> Iterator[OpenStore]:
    """Open a store on the same database, as another process would; all are closed at the end."""
    opened = []

    def open_it(*, started: bool = False, wait: float = PATIENT) -> Store:
        store = open_store(url, clock=lambda: NOW, wait=wait)
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
