"""The sites whose policy is lifted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "lifted",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", name="pk_lifted"),
        sqlite_with_rowid=False,
    )
