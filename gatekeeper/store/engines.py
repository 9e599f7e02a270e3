"""Choosing an engine by the address of its database."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gatekeeper.core.errors import ConfigError

from .contract import Store
from .engine import Engine
from .keeper import Keeper
from .sqlite import SqliteEngine, check_place

SUPPORTED = (
    "sqlite:///path/to/gatekeeper.db (four slashes for an absolute path) or postgresql://user:password@host/database"
)
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_POSTGRES = {"postgresql", "postgresql+psycopg", "postgres"}


def open_store(
    url: str,
    *,
    clock: Callable[[], float] = time.time,
    wait: float = 0.8,
    zones: Mapping[str, str] = MappingProxyType({}),
) -> Store:
    """Open the store at a database's address. Nothing is read or written yet.

    :param url: such as ``sqlite:///gatekeeper.db``.
    :param clock: the time, in seconds since the epoch.
    :param wait: how long a write may take before it fails, in seconds.
    :param zones: by site, the time zone of its days; UTC for one that is not there.
    :raises ConfigError: no engine here serves this address, or there can be no file there.
    """
    return Keeper(find_engine(url), clock=clock, wait=wait, zones=zones)


def migrate(url: str) -> None:
    """Make the tables at a database's address, or bring them up to date. Safe for two processes at once.

    :raises ConfigError: as :func:`open_store`, or the tables are of a newer version.
    """
    find_engine(url).migrate()


def find_engine(url: str) -> Engine:
    """Return the engine for a database's address.

    :raises ConfigError: as :func:`open_store`.
    """
    parsed = _parse(url)
    if parsed.drivername in _SQLITE:
        return SqliteEngine(sqlite_path(url))
    if not parsed.database:
        raise ConfigError(f"GATEKEEPER_DATABASE_URL must name a database: write {SUPPORTED}")
    try:
        from .postgres import PostgresEngine  # its driver takes memory and 10 MB of disk that SQLite has no use for
    except ImportError as error:
        raise ConfigError(f"PostgreSQL needs its driver ({error}): pip install 'gatekeeper[postgres]'") from error
    return PostgresEngine(_libpq(parsed))


def is_sqlite(url: str) -> bool:
    """Tell whether an address is that of a SQLite file.

    :raises ConfigError: as :func:`open_store`.
    """
    return _parse(url).drivername in _SQLITE


def _parse(url: str) -> URL:
    # Nothing of the address is shown but its scheme: it may hold a password.
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(f"GATEKEEPER_DATABASE_URL is not the address of a database: write {SUPPORTED}") from None
    if parsed.drivername not in _SQLITE | _POSTGRES:
        raise ConfigError(
            f"GATEKEEPER_DATABASE_URL: databases of kind {parsed.drivername!r} are not supported: write {SUPPORTED}"
        )
    return parsed


def _libpq(url: URL) -> dict[str, str]:
    """Return what libpq wants to know of an address."""
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    given = {name: str(value) for name, value in named.items() if value is not None and value != ""}
    return given | {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}


def sqlite_path(url: str) -> Path:
    """Return the file of a SQLite database.

    :raises ConfigError: as :func:`open_store`.
    """
    parsed = _parse(url)
    if parsed.drivername not in _SQLITE:
        raise ConfigError(f"the database is no SQLite file, but of kind {parsed.drivername!r}")
    if not parsed.database or parsed.database == ":memory:" or parsed.query or parsed.host:
        raise ConfigError(f"GATEKEEPER_DATABASE_URL must name a file, and no options: write {SUPPORTED}")
    path = Path(parsed.database).resolve()
    check_place(path)
    return path
