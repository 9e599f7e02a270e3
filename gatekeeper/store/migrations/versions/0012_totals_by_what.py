"""An index by which PostgreSQL finds the totals of one kind over many days; SQLite is as quick without it."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_totals_site_what_day", "totals", ["site", "what", "day"], if_not_exists=True)
