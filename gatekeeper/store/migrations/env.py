"""Run by Alembic: migrates in a transaction that an engine has begun, which keeps other processes out."""

from alembic import context

from gatekeeper.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
