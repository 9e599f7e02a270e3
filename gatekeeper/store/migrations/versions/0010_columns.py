"""Facets of visits as columns, a byte a visit; sums of days, and sets of visitors by month: all of what there was."""

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

#: How many neighbours shared a chunk of the old sets, and share one of the columns.
_OF_SET = 1 << 14
_OF_COLUMN = 1800


def upgrade() -> None:
    _make_tables()
    _turn_into_columns()
    op.execute(
        "INSERT INTO daily_sums SELECT site, what, bot, day, sum(n), sum(value) FROM rollups "
        "GROUP BY site, what, bot, day"
    )
    _join_visitors()
    op.drop_table("members")
    op.execute("DELETE FROM numbers WHERE series LIKE '% human' OR series LIKE '% bot'")


def _make_tables() -> None:
    op.create_table(
        "daily_sums",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("bot", sa.Integer, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("site", "what", "bot", "day", name="pk_daily_sums"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facet_names",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("bot", sa.Integer, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("site", "what", "bot", "day", name="pk_facet_names"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facet_codes",
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("bot", sa.Integer, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("chunk", sa.Integer, nullable=False),
        sa.Column("codes", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("site", "what", "bot", "day", "chunk", name="pk_facet_codes"),
        sqlite_with_rowid=False,
    )
    for name, span in (("visitor_sets", "day"), ("monthly_visitor_sets", "month")):
        op.create_table(
            name,
            sa.Column("site", sa.Text, nullable=False),
            sa.Column("bot", sa.Integer, nullable=False),
            sa.Column(span, sa.Text, nullable=False),
            sa.Column("chunk", sa.Integer, nullable=False),
            sa.Column("bits", sa.LargeBinary, nullable=False),
            sa.PrimaryKeyConstraint("site", "bot", span, "chunk", name=f"pk_{name}"),
            sqlite_with_rowid=False,
        )


def _turn_into_columns() -> None:
    days = "SELECT DISTINCT site, what, bot, day FROM members WHERE what <> 'visitor'"
    for key in _read(days):
        sets = _read(
            "SELECT name, chunk, bits FROM members "
            "WHERE site = :site AND what = :what AND bot = :bot AND day = :day ORDER BY name, chunk",
            **dict(zip(("site", "what", "bot", "day"), key, strict=True)),
        )
        names = sorted({name for name, _, _ in sets})
        column = 0
        for name, chunk, bits in sets:
            flags = f"{_chunk(bits):0{_OF_SET}b}".encode().translate(_code(names.index(name) + 1))
            column |= int.from_bytes(flags) << 8 * _OF_SET * chunk
        _write("facet_names", [(*key, json.dumps(names, ensure_ascii=False, separators=(",", ":")))])
        _write("facet_codes", [(*key, number, piece) for number, piece in _pieces(column)])


def _code(code: int) -> bytes:
    """Return what turns a text of 0 and 1 into bytes that are empty or a code."""
    return bytes(code if each == ord("1") else 0 for each in range(256))


def _pieces(column: int) -> Iterator[tuple[int, bytes]]:
    codes = column.to_bytes((column.bit_length() + 7) // 8, "little")
    for number, begin in enumerate(range(0, len(codes), _OF_COLUMN)):
        if piece := codes[begin : begin + _OF_COLUMN].rstrip(b"\0"):
            yield number, piece


def _join_visitors() -> None:
    op.execute("INSERT INTO visitor_sets SELECT site, bot, day, chunk, bits FROM members WHERE what = 'visitor'")
    by_day: dict[tuple[str, int, str], int] = {}
    for site, bot, month in _read("SELECT DISTINCT site, bot, substr(day, 1, 7) FROM visitor_sets"):
        together: dict[int, int] = {}
        for day, chunk, bits in _read(
            "SELECT day, chunk, bits FROM visitor_sets "
            "WHERE site = :site AND bot = :bot AND day BETWEEN :month || '-00' AND :month || '-99'",
            site=site,
            bot=bot,
            month=month,
        ):
            members = _chunk(bits)
            together[chunk] = together.get(chunk, 0) | members
            by_day[site, bot, day] = by_day.get((site, bot, day), 0) + members.bit_count()
        sets = [(site, bot, month, chunk, _kept(members)) for chunk, members in together.items()]
        _write("monthly_visitor_sets", sets)
    _write("daily_sums", [(site, "visitor", bot, day, n, 0) for (site, bot, day), n in by_day.items()])


def _chunk(kept: bytes) -> int:
    """Return a chunk of a set from how it is kept: as its bits, or as the list of the few that are set."""
    if kept[:1] == b"b":
        return int.from_bytes(kept[1:], "little")
    return sum(1 << place for (place,) in struct.iter_unpack("<H", kept[1:]))


def _kept(members: int) -> bytes:
    if members.bit_count() > 64:
        return b"b" + members.to_bytes((members.bit_length() + 7) // 8, "little")
    places = [place for place, flag in enumerate(reversed(f"{members:b}")) if flag == "1"]
    return b"l" + struct.pack(f"<{len(places)}H", *places)


def _read(statement: str, **parameters: object) -> Sequence[Any]:
    return op.get_bind().execute(sa.text(statement), parameters).fetchall()


def _write(table: str, rows: Sequence[Sequence[object]]) -> None:
    if rows:
        names = [column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)]
        values = [dict(zip(names, row, strict=True)) for row in rows]
        op.get_bind().execute(sa.table(table, *map(sa.column, names)).insert(), values)
