"""What staff browsers met that nothing declares, and the invitations to learn that have been used."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "day", "what", "name", "path", name="pk_sightings"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "used_invitations",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "nonce", name="pk_used_invitations"),
        sqlite_with_rowid=False,
    )
