"""Leases: who alone does a job. And on PostgreSQL, subjects whose key was forgotten are vacuumed away soon."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("holder", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # A row that is changed leaves its old self behind, key and all, until a vacuum. The default waits for a fifth
        # of the table; this for one row, at the server's next round (autovacuum_naptime, a minute).
        op.execute("ALTER TABLE subjects SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)")
