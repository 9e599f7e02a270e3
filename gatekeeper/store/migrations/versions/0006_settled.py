"""Events in the order of their subjects, and what has been counted of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tracker", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "subject", "event", name="pk_events"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "visitors",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "subject", name="pk_visitors"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "numbers",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "series", name="pk_numbers"),
        sqlite_with_rowid=False,
    )
    for name, span in (("rollups", "day"), ("monthly_rollups", "month")):
        op.create_table(
            name,
            sa.Column("site", sa.Text, nullable=False),
            sa.Column("what", sa.Text, nullable=False),
            sa.Column("bot", sa.Integer, nullable=False),
            sa.Column(span, sa.Text, nullable=False),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("tracker", sa.Text, nullable=False),
            sa.Column("outcome", sa.Text, nullable=False),
            sa.Column("reason", sa.Text, nullable=False),
            sa.Column("currency", sa.Text, nullable=False),
            sa.Column("n", sa.BigInteger, nullable=False),
            sa.Column("value", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint(
                "site", "what", "bot", span, "name", "tracker", "outcome", "reason", "currency", name=f"pk_{name}"
            ),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "members",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("bot", sa.Integer, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column("bits", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "what", "bot", "day", "name", "chunk", name="pk_members"),
        sqlite_with_rowid=False,
    )
