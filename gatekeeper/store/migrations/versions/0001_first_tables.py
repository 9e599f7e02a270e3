"""The first tables: notices, subjects, records, blocked, fresh events, totals, heartbeat."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("no", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("published_day", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site", "no", name="pk_notices"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subjects",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.LargeBinary),
        sa.PrimaryKeyConstraint("site", "subject", name="pk_subjects"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "records",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
        sa.Column("notice", sa.Integer, nullable=False),
        sa.Column("choice", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("ended_as", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site", "subject", "record", name="pk_records"),
        sa.ForeignKeyConstraint(["site", "subject"], ["subjects.site", "subjects.subject"], name="fk_records_subjects"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_records_site_receipt", "records", ["site", "receipt"], unique=True)
    op.create_table(
        "blocked",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "subject", name="pk_blocked"),
        sa.ForeignKeyConstraint(["site", "subject"], ["subjects.site", "subjects.subject"], name="fk_blocked_subjects"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fresh_events",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("event", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tracker", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_fresh_events_site_subject_event", "fresh_events", ["site", "subject", "event"], unique=True)
    op.create_table(
        "totals",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("notice", sa.Integer, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "day", "what", "name", "reason", "outcome", "notice", name="pk_totals"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "heartbeat",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("padding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_heartbeat"),
    )
