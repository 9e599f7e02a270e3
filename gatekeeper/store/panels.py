"""Reading rollups: what panels show. Events are never looked at."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from gatekeeper.core import days
from gatekeeper.core.bitsets import Sieve, read_chunk, size
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.rollups import FACETS, What

from .contract import Amount, Row, Visitors, Visits
from .statements import Statements

#: Runs a SELECT and returns its rows.
Read = Callable[..., list[tuple[Any, ...]]]
#: The sets of some days: by day and chunk, a chunk's bits.
_Sets = dict[tuple[str, int], int]

#: What has more to tell than a name.
_DETAILED = frozenset({What.OUTCOME, What.PAGE_OUTCOME, What.EVENT})


class Panels:
    """See :class:`~gatekeeper.store.contract.Store`, where each of these is described."""

    def __init__(self, sql: Statements, read: Read) -> None:
        self._sql = sql
        self._read = read

    def panel(
        self,
        site: str,
        what: What,
        first: str,
        last: str,
        *,
        name: str | None,
        tracker: str | None,
        bot: bool,
        limit: int,
    ) -> list[Row]:
        """Return what was counted on some days, most first."""
        before_first, before_last, after_first, after_last, *months = days.spans(first, last)
        asked = (site, what, int(bot))
        named = tuple(of for of in (tracker if name is None else name,) if of is not None)
        spans = ((before_first, before_last), (after_first, after_last), months)
        parameters = [value for span in spans for value in (*asked, *span, *named)]
        if named:
            statement = self._sql.panel_of["tracker" if name is None else "name"]
        else:
            statement = self._sql.panel_details if what in _DETAILED else self._sql.panel
        return [_row(*row) for row in self._read(statement, *parameters, limit)]

    def by_day(self, site: str, what: What, first: str, last: str, *, name: str | None, bot: bool) -> dict[str, Amount]:
        """Return how much was counted on each of some days."""
        statement = self._sql.by_day if name is None else self._sql.by_day_of
        asked = (site, what, int(bot), first, last, *(() if name is None else (name,)))
        return {day: Amount(int(n), int(value)) for day, n, value in self._read(statement, *asked)}

    def each_day(
        self, site: str, what: What, first: str, last: str, *, name: str | None, bot: bool
    ) -> dict[str, list[Row]]:
        """Return what was counted on each of some days, most first."""
        statement = self._sql.each_day if name is None else self._sql.each_day_of
        asked = (site, what, int(bot), first, last, *(() if name is None else (name,)))
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for day, *row in self._read(statement, *asked):
            found[day].append(_row(*row))
        return dict(found)

    def days_of(self, site: str, what: What, first: str, last: str, *, bot: bool) -> dict[str, tuple[str, str]]:
        """Return, by name, the first and the last of some days on which anything was counted."""
        rows = self._read(self._sql.days_of, site, what, int(bot), first, last)
        return {name: (begin, end) for name, begin, end in rows}

    def visitors(self, site: str, first: str, last: str, *, bot: bool) -> Visitors:
        """Return how many different visitors there were: all numbers of all days, each counted once."""
        together: defaultdict[int, int] = defaultdict(int)
        by_day: Counter[str] = Counter()
        for (day, chunk), bits in self._sets(site, What.VISITOR, first, last, "", bot=bot).items():
            together[chunk] |= bits
            by_day[day] += bits.bit_count()
        return Visitors(sum(bits.bit_count() for bits in together.values()), dict(by_day))

    def visits(self, site: str, what: What, first: str, last: str, *, where: Mapping[What, str], bot: bool) -> Visits:
        """Return the visits that a filter lets through: the members of a facet's sets that are in all of the filter's.

        :raises InvalidInput: something that is no facet.
        """
        for facet in (what, *where):
            if facet not in FACETS:
                raise InvalidInput(f"visits are not kept by {facet!r}: it is one of {', '.join(sorted(FACETS))}")
        through: _Sets | None = None
        for facet, name in where.items():
            sets = self._sets(site, facet, first, last, name, bot=bot)
            through = sets if through is None else {key: through[key] & sets[key] for key in through.keys() & sets}
        sieves = None if through is None else {key: Sieve(bits) for key, bits in through.items()}
        by_name: Counter[str] = Counter()
        by_day: Counter[str] = Counter()
        for day, chunk, name, kept in self._read(self._sql.members, site, what, int(bot), first, last):
            if sieves is None:
                n = size(kept)
            elif (day, chunk) in sieves:
                n = sieves[day, chunk].count(kept)
            else:
                continue
            if n:
                by_name[name] += n
                by_day[day] += n
        return Visits(dict(by_name.most_common()), dict(by_day))

    def _sets(self, site: str, what: What, first: str, last: str, name: str, *, bot: bool) -> _Sets:
        asked = (site, what, int(bot))
        rows = self._read(self._sql.members_of, *asked, first, *asked, last, *asked, name, last)
        return {(day, chunk): read_chunk(bits) for day, chunk, _, bits in rows}


def _row(name: str, tracker: str, outcome: str, reason: str, currency: str, n: Any, value: Any) -> Row:
    return Row(name, tracker, outcome, reason, currency, int(n), int(value))  # a server's sums are decimals
