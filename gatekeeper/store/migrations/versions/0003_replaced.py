"""The records in whose place their subjects have given another."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "replaced",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "subject", "record", name="pk_replaced"),
        sa.ForeignKeyConstraint(
            ["site", "subject"], ["subjects.site", "subjects.subject"], name="fk_replaced_subjects"
        ),
        sqlite_with_rowid=False,
    )
