"""Bringing a database to the tables this version needs, and checking that it has them, whatever the engine.

Alembic is imported only by what migrates: a serving process checks, and pays neither its time nor its memory.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.core.errors import ConfigError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: The newest migration; a test compares it with the files in ``versions``. Numbers are of four digits, in order.
HEAD = "0012"
#: How long to wait for another process that migrates.
PATIENCE = 60.0  # seconds
#: What makes the tables.
FIX = "run `gatekeeper serve` or `gatekeeper upgrade`"


def check_version(found: str, database: str) -> None:
    """Check that tables are of this version.

    :param found: their version; empty where there are none.
    :param database: how messages name it.
    :raises ConfigError: they are missing, older or newer; the message names the fix.
    """
    if not found:
        raise ConfigError(f"the database {database} has no tables yet: {FIX}")
    if found < HEAD:
        raise ConfigError(f"the tables of {database} are of version {found}, older than {HEAD}: {FIX}")
    if found > HEAD:
        raise ConfigError(
            f"the tables of {database} are of version {found}, newer than this Gatekeeper's {HEAD}: "
            "run the newer Gatekeeper, or restore a backup made before the upgrade"
        )


def upgrade(connection: "Connection") -> None:
    """Run the migrations that are missing, in the transaction that was begun."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
