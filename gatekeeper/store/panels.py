"""Reading rollups: what panels show. Events are never looked at."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from gatekeeper.core import columns, days
from gatekeeper.core.bitsets import Union
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.rollups import DETAILS, FACETS, What

from .contract import Amount, Row, Visitors, Visits
from .statements import Statements

#: Runs a SELECT and returns its rows.
Read = Callable[..., list[tuple[Any, ...]]]
#: By day and chunk, the places of the visits that a filter lets through.
_Masks = dict[tuple[str, int], int]

_decode = msgspec.json.Decoder(list[str]).decode


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
        by: tuple[str, ...] | None,
        bot: bool,
        limit: int,
    ) -> list[Row]:
        """Return what was counted on some days, most first."""
        begin, end, months = days.sums(first, last)
        given = {"site": site, "what": what, "bot": int(bot), "name": name, "most": limit}
        for span, dates in (("begin", begin[1:]), ("end", end[1:]), ("months", months)):
            given |= {f"{span}_first": dates[0], f"{span}_last": dates[1]}
        given |= {"begin_sign": begin[0], "end_sign": end[0]}
        statement = self._sql.panel(DETAILS.get(what, ()) if by is None else by, named=name is not None)
        rows = self._read(statement.text, *map(given.__getitem__, statement.order))
        return [Row._make(row) for row in rows if row[-2] or row[-1]]

    def by_day(self, site: str, what: What, first: str, last: str, *, name: str | None, bot: bool) -> dict[str, Amount]:
        """Return how much was counted on each of some days."""
        asked = (site, what, int(bot))
        if name is None:
            rows = self._read(self._sql.by_day, *asked, first, last)
        else:
            rows = self._read(self._sql.by_day_of, *_steps(asked, first, last), *asked, name, last)
        return {day: Amount(int(n), int(value)) for day, n, value in rows}

    def each_day(
        self, site: str, what: What, first: str, last: str, *, name: str | None, bot: bool
    ) -> dict[str, list[Row]]:
        """Return what was counted on each of some days, most first."""
        asked = (site, what, int(bot))
        if name is None:
            rows = self._read(self._sql.each_day, *asked, first, last)
        else:
            rows = self._read(self._sql.each_day_of, *_steps(asked, first, last), *asked, name, last)
        found: defaultdict[str, list[Row]] = defaultdict(list)
        for day, *row in rows:
            found[day].append(Row._make(row))
        return dict(found)

    def outcomes_by_day(
        self, site: str, outcome: str, trackers: Collection[str], first: str, last: str, *, bot: bool
    ) -> dict[str, int]:
        """Return how often some trackers had an outcome, together, on each of some days."""
        if not trackers:
            return {}
        statement = self._sql.outcomes_by_day(len(trackers))
        asked = (site, What.OUTCOME, int(bot), first, last, outcome)
        return {day: int(n) for day, n in self._read(statement, *asked, *trackers)}

    def days_of(self, site: str, what: What, first: str, last: str, *, bot: bool) -> dict[str, tuple[str, str]]:
        """Return, by name, the first and the last of some days on which anything was counted."""
        *spans, first_month, last_month = days.spans(first, last)
        asked = (site, what, int(bot))
        # Days are looked at only of the months in which something begins or ends: a year has few of them.
        of_months = self._read(self._sql.months_of, *asked, first_month, last_month)
        months = {month for _, *ends in of_months for month in ends}
        looked_at = [(spans[0], spans[1]), (spans[2], spans[3]), *((f"{month}-00", f"{month}-99") for month in months)]
        found: dict[str, tuple[str, str]] = {}
        for begin, end in looked_at:
            for name, earliest, latest in self._read(self._sql.days_of, *asked, begin, end):
                known = found.get(name, (earliest, latest))
                found[name] = min(known[0], earliest), max(known[1], latest)
        return found

    def visitors(self, site: str, first: str, last: str, *, bot: bool) -> Visitors:
        """Return how many different visitors there were: all numbers of all days, each counted once."""
        by_day = self.by_day(site, What.VISITOR, first, last, name=None, bot=bot)
        before_first, before_last, after_first, after_last, *months = days.spans(first, last)
        spans = ((before_first, before_last), (after_first, after_last), months)
        asked = [each for span in spans for each in (site, int(bot), *span)]
        together = Union()
        for chunk, bits in self._read(self._sql.visitor_sets, *asked):
            together.add(chunk, bits)
        return Visitors(len(together), {day: amount.n for day, amount in by_day.items()})

    def visits(self, site: str, what: What, first: str, last: str, *, where: Mapping[What, str], bot: bool) -> Visits:
        """Return the visits that a filter lets through, by a facet's values and by day.

        :raises InvalidInput: something that is no facet.
        """
        for facet in (what, *where):
            if facet not in FACETS:
                raise InvalidInput(f"visits are not kept by {facet!r}: it is one of {', '.join(sorted(FACETS))}")
        span = (int(bot), first, last)
        through: _Masks | None = None
        for facet, name in where.items():
            found = self._masks(site, facet, span, name)
            through = found if through is None else {key: through[key] & found[key] for key in through.keys() & found}
        kept: defaultdict[str, list[bytes]] = defaultdict(list)
        for day, chunk, column in self._read(self._sql.facet_codes, site, what, *span):
            if through is None:
                kept[day].append(column)
            elif mask := through.get((day, chunk)):
                kept[day].append(columns.cut(column, mask))
        by_name: Counter[str] = Counter()
        by_day: dict[str, int] = {}
        for day, names in self._names(site, what, span).items():  # read last, so that every code has its name
            counted = columns.count(b"".join(kept[day]), len(names))
            for code, n in counted.items():
                by_name[names[code - 1]] += n
            if counted:
                by_day[day] = sum(counted.values())
        return Visits(dict(by_name.most_common()), by_day)

    def _masks(self, site: str, facet: What, span: tuple[int, str, str], name: str) -> _Masks:
        code = {day: names.index(name) + 1 for day, names in self._names(site, facet, span).items() if name in names}
        found = self._read(self._sql.facet_codes, site, facet, *span)
        return {(day, chunk): columns.mask(column, code[day]) for day, chunk, column in found if day in code}

    def _names(self, site: str, facet: What, span: tuple[int, str, str]) -> dict[str, list[str]]:
        return {day: _decode(names) for day, names in self._read(self._sql.facet_names, site, facet, *span)}


def _steps(asked: tuple[object, ...], first: str, last: str) -> tuple[object, ...]:
    """Return the parameters by which a statement steps from day to day."""
    return (*asked, first, *asked, last)
