"""The purge: how far it has come, and an index by which it finds what is old."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "purged",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("through", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "what", name="pk_purged"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_events_site_at", "events", ["site", "at"])
