"""Counts in the order in which they are asked for: of pages by tracker first, and the months of a name together.

On how many page views the guard told to the end what happened is their value from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_DETAILS = ("name", "page", "outcome", "reason", "currency")


#: What the guard tells of itself on a page that has loaded to its end.
_REPORTED = "what = 'page_outcome' AND name = 'gatekeeper' AND outcome = 'loaded'"


def upgrade() -> None:
    op.execute("ALTER TABLE rollups RENAME COLUMN tracker TO page")
    op.execute("UPDATE rollups SET name = page, page = name WHERE what = 'page_outcome'")
    _note_reports("rollups", "day")
    op.execute("DELETE FROM daily_sums WHERE what IN ('page', 'page_outcome')")
    op.execute(
        "INSERT INTO daily_sums SELECT site, what, bot, day, sum(n), sum(value) FROM rollups "
        "WHERE what IN ('page', 'page_outcome') GROUP BY site, what, bot, day"
    )
    _order_months()
    _note_reports("monthly_rollups", "month")


def _note_reports(table: str, span: str) -> None:
    key = f"site, what, bot, {span}, name, page, outcome, reason, currency"
    op.execute(
        f"INSERT INTO {table} ({key}, n, value) "  # noqa: S608 - names of ours, here and below
        f"SELECT site, 'page', bot, {span}, page, '', '', '', '', 0, sum(n) FROM {table} "
        f"WHERE {_REPORTED} GROUP BY site, bot, {span}, page ON CONFLICT ({key}) DO UPDATE SET value = excluded.value"
    )
    op.execute(f"DELETE FROM {table} WHERE {_REPORTED}")  # noqa: S608


def _order_months() -> None:
    op.execute("CREATE TEMPORARY TABLE months AS SELECT * FROM monthly_rollups")
    op.drop_table("monthly_rollups")
    op.create_table(
        "monthly_rollups",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("bot", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*_DETAILS, "month")),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "what", "bot", *_DETAILS, "month", name="pk_monthly_rollups"),
        sqlite_with_rowid=False,
    )
    for of, name, page in (("<>", "name", "''"), ("=", "tracker", "name")):
        op.execute(
            f"INSERT INTO monthly_rollups SELECT site, what, bot, {name}, {page}, outcome, reason, currency, "  # noqa: S608
            f"month, n, value FROM months WHERE what {of} 'page_outcome' ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9"
        )
    op.execute("DROP TABLE months")
