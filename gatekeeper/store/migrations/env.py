"""Run by Alembic: migrates one SQLite file in one exclusive transaction, so that two processes at once are safe."""

from alembic import context
from sqlalchemy import create_engine, event, pool
from sqlalchemy.engine import Connection

from gatekeeper.store.connections import connect
from gatekeeper.store.migrations import PATIENCE
from gatekeeper.store.schema import metadata

path = context.config.attributes["path"]
engine = create_engine("sqlite://", creator=lambda: connect(path, busy_timeout=PATIENCE), poolclass=pool.NullPool)


@event.listens_for(engine, "begin")
def _begin(connection: Connection) -> None:
    # The driver would begin only at the first INSERT, and leave each CREATE TABLE to itself.
    connection.exec_driver_sql("BEGIN EXCLUSIVE")


with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
