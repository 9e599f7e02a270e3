"""Adding to the rollups of a site, inside a transaction that somebody else began and will commit."""

from collections import defaultdict
from typing import NamedTuple

import msgspec

from gatekeeper.core import bitsets, columns
from gatekeeper.core.days import month_of
from gatekeeper.core.rollups import MAX_VALUES, Group, Rollup, What

from .engine import Connection

_decode = msgspec.json.Decoder(list[str]).decode
#: What is added, by the key of a row.
_Amounts = dict[tuple[object, ...], tuple[int, int]]


class _Facet(NamedTuple):
    """A facet on a day, of people or of machines: in the order of the tables' keys."""

    site: str
    what: str
    bot: int
    day: str


class Books:
    """The register of one site, and its rollups, during one transaction."""

    def __init__(self, connection: Connection, site: str) -> None:
        self._connection = connection
        self._site = site
        self._next: dict[str, int] = {}
        self._taken: set[str] = set()
        self._codes: dict[_Facet, dict[str, int]] = {}
        self._named: set[_Facet] = set()

    def take(self, series: str) -> int:
        """See :meth:`gatekeeper.core.rollups.Register.take`."""
        number = self._peek(series)
        self._next[series] = number + 1
        self._taken.add(series)
        return number

    def tells_apart(self, group: Group) -> bool:
        """See :meth:`gatekeeper.core.rollups.Register.tells_apart`."""
        facet = self._facet(group)
        codes = self._codes_of(facet)
        if group.name not in codes and len(codes) < MAX_VALUES:
            self._code(facet, group.name)
        return group.name in codes

    def enter(self, rollup: Rollup) -> None:
        """Add what a batch of events adds. Rows are written in the order of their keys, so that pages are met once."""
        sql = self._connection.sql
        visitors = {group: members for group, members in rollup.members.items() if group.what is What.VISITOR}
        daily: list[tuple[object, ...]] = []
        monthly: _Amounts = {}
        sums: _Amounts = {}
        for (what, bot, day, *rest), amount in sorted(rollup.counts.items()):
            of = (self._site, what, int(bot))
            daily.append((*of, day, *rest, *amount))
            _add(monthly, (*of, *rest, month_of(day)), amount)
            _add(sums, (*of, day), amount)
        for group, n in self._join_visitors(visitors).items():
            _add(sums, self._facet(group), (n, 0))
        self._connection.executemany(sql.add_daily, daily)
        self._connection.executemany(sql.add_monthly, [(*key, *amount) for key, amount in sorted(monthly.items())])
        self._connection.executemany(sql.add_sum, [(*key, *amount) for key, amount in sums.items()])
        self._fill({group: members for group, members in rollup.members.items() if group not in visitors})
        numbers = [(self._site, series, self._next[series]) for series in sorted(self._taken)]
        self._connection.executemany(sql.keep_number, numbers)

    def _join_visitors(self, visitors: dict[Group, set[int]]) -> dict[Group, int]:
        """Add to the sets of visitors, and return how many each day has more."""
        sql = self._connection.sql
        by_month: defaultdict[tuple[bool, str], set[int]] = defaultdict(set)
        more = {}
        for group, members in sorted(visitors.items()):
            by_month[group.bot, month_of(group.day)] |= members
            more[group] = self._join(sql.visitor_set, sql.keep_visitor_set, group.bot, group.day, members)
        for (bot, month), members in by_month.items():
            self._join(sql.monthly_visitor_set, sql.keep_monthly_visitor_set, bot, month, members)
        return more

    def _join(self, read: str, keep: str, bot: bool, span: str, members: set[int]) -> int:
        """Add to the set of a day or a month, and return how many it has more."""
        joining = [
            ((self._site, int(bot), span, chunk), places) for chunk, places in sorted(bitsets.by_chunk(members).items())
        ]
        found = self._connection.fetch_each(read, [key for key, _ in joining])
        before = [row[0] if row else None for row in found]
        after = [bitsets.join(kept, places) for kept, (_, places) in zip(before, joining, strict=True)]
        self._connection.executemany(keep, [(*key, kept) for (key, _), kept in zip(joining, after, strict=True)])
        return sum(map(bitsets.size, after)) - sum(bitsets.size(kept) for kept in before if kept)

    def _fill(self, groups: dict[Group, set[int]]) -> None:
        """Note of visits which values of facets they have."""
        sql = self._connection.sql
        filling: defaultdict[tuple[str | int, ...], dict[int, int]] = defaultdict(dict)
        for group, ordinals in sorted(groups.items()):
            facet = self._facet(group)
            code = self._codes_of(facet).get(group.name) or self._code(facet, group.name)
            for ordinal in ordinals:
                chunk, place = divmod(ordinal, columns.CHUNK)
                filling[*facet, chunk][place] = code
        found = self._connection.fetch_each(sql.codes, list(filling))
        rows = [
            (*key, columns.fill(kept[0] if kept else None, codes))
            for (key, codes), kept in zip(filling.items(), found, strict=True)
        ]
        self._connection.executemany(sql.keep_codes, rows)
        named = [(*facet, msgspec.json.encode([*self._codes[facet]]).decode()) for facet in sorted(self._named)]
        self._connection.executemany(sql.keep_names, named)

    def _facet(self, group: Group) -> _Facet:
        return _Facet(self._site, group.what, int(group.bot), group.day)

    def _codes_of(self, facet: _Facet) -> dict[str, int]:
        if facet not in self._codes:
            row = self._connection.execute(self._connection.sql.names, facet).fetchone()
            self._codes[facet] = {name: code for code, name in enumerate(_decode(row[0]) if row else (), 1)}
        return self._codes[facet]

    def _code(self, facet: _Facet, name: str) -> int:
        """Give a value its code."""
        code = self._codes[facet][name] = len(self._codes[facet]) + 1
        self._named.add(facet)
        return code

    def _peek(self, series: str) -> int:
        if series not in self._next:
            row = self._connection.execute(self._connection.sql.number, (self._site, series)).fetchone()
            self._next[series] = row[0] if row else 0
        return self._next[series]


def _add(amounts: _Amounts, key: tuple[object, ...], amount: tuple[int, int]) -> None:
    n, value = amounts.get(key, (0, 0))
    amounts[key] = (n + amount[0], value + amount[1])
