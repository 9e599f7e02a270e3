"""Bringing a database to the tables this version needs, and checking that it has them.

Alembic is imported only by what migrates: a serving process checks, and pays neither its time nor its memory.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.core.errors import ConfigError

from ..connections import connect

if TYPE_CHECKING:
    from alembic.config import Config

#: The newest migration; a test compares it with the files in ``versions``. Numbers are of four digits, in order.
HEAD = "0004"
#: How long to wait for another process that migrates.
PATIENCE = 60.0  # seconds

_FIX = "run `gatekeeper serve` or `gatekeeper upgrade`"


def check_schema(path: Path) -> None:
    """Check that a SQLite file has the tables of this version.

    :raises ConfigError: it is missing, or its tables are missing, older or newer; the message names the fix.
    """
    if not path.exists():
        raise ConfigError(f"the database {path} does not exist yet: {_FIX}")
    found = _version(path)
    if not found:
        raise ConfigError(f"the database {path} has no tables yet: {_FIX}")
    if found < HEAD:
        raise ConfigError(f"the tables of {path} are of version {found}, older than {HEAD}: {_FIX}")
    if found > HEAD:
        raise ConfigError(
            f"the tables of {path} are of version {found}, newer than this Gatekeeper's {HEAD}: "
            "run the newer Gatekeeper, or restore a backup made before the upgrade"
        )


def migrate_file(path: Path) -> None:
    """Make a SQLite file and its tables, or bring them up to date, in one exclusive transaction.

    :raises ConfigError: its tables are of a newer version, or another process held it for a minute.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    found = _version(path)
    if found >= HEAD:
        check_schema(path)
        return
    from alembic import command
    from sqlalchemy.exc import SQLAlchemyError

    try:
        _patiently(lambda: connect(path, busy_timeout=PATIENCE).close())
        command.upgrade(_config(path), "head")
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise ConfigError(f"the database {path} cannot be upgraded: {error}") from error


def _version(path: Path) -> str:
    """Return the version of the tables, empty where there are none."""
    try:
        connection = connect(path, busy_timeout=PATIENCE, pragmas=())
    except sqlite3.OperationalError as error:
        raise ConfigError(f"the database {path} cannot be opened: {error}") from error
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise ConfigError(f"the database {path} cannot be read: {error}") from error
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"{path} is not a Gatekeeper database: {error}") from error
    finally:
        connection.close()
    return "" if row is None else str(row[0])


def _patiently(action: Callable[[], None]) -> None:
    """Do something that SQLite may refuse at once while another process does the same."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            action()
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _config(path: Path) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["path"] = path
    return config
