"""Adding to the rollups of a site, inside a transaction that somebody else began and will commit."""

from gatekeeper.core.bitsets import by_chunk, join
from gatekeeper.core.days import month_of
from gatekeeper.core.rollups import MAX_VALUES, Group, Rollup

from .engine import Connection

#: Groups that are known to be told apart are remembered up to this number, and then forgotten all at once.
_REMEMBERED = 20_000


class Groups:
    """Groups that have members of their own, so that the database need not be asked for each visit. By site."""

    def __init__(self) -> None:
        self._known: set[tuple[str, Group]] = set()

    def __contains__(self, group: tuple[str, Group]) -> bool:
        return group in self._known

    def add(self, group: tuple[str, Group]) -> None:
        """Remember one."""
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known.add(group)

    def forget(self) -> None:
        """Forget all: after a roll-back some may have no members."""
        self._known.clear()


class Books:
    """The register of one site, and its rollups, during one transaction."""

    def __init__(self, connection: Connection, site: str, groups: Groups) -> None:
        self._connection = connection
        self._site = site
        self._groups = groups
        self._next: dict[str, int] = {}
        self._taken: set[str] = set()

    def take(self, series: str) -> int:
        """See :meth:`gatekeeper.core.rollups.Register.take`."""
        number = self._peek(series)
        self._next[series] = number + 1
        self._taken.add(series)
        return number

    def tells_apart(self, group: Group) -> bool:
        """See :meth:`gatekeeper.core.rollups.Register.tells_apart`."""
        if (self._site, group) in self._groups:
            return True
        found = self._connection.execute(self._connection.sql.has_members, self._key(group)).fetchone()
        if found is None:
            series = f"{group.day} {group.what} {'bot' if group.bot else 'human'}"
            if self._peek(series) >= MAX_VALUES:
                return False
            self.take(series)
        self._groups.add((self._site, group))
        return True

    def enter(self, rollup: Rollup) -> None:
        """Add what a batch of events adds. Rows are written in the order of their keys, so that pages are met once."""
        sql = self._connection.sql
        counts = sorted(rollup.counts.items())
        daily = [(self._site, what, int(bot), *rest, *amount) for (what, bot, *rest), amount in counts]
        monthly: dict[tuple[object, ...], tuple[int, int]] = {}
        for (what, bot, day, *rest), (n, value) in counts:
            key = (self._site, what, int(bot), month_of(day), *rest)
            before, sum_before = monthly.get(key, (0, 0))
            monthly[key] = (before + n, sum_before + value)
        self._connection.executemany(sql.add_daily, daily)
        self._connection.executemany(sql.add_monthly, [(*key, *amount) for key, amount in monthly.items()])
        self._join(rollup)
        numbers = [(self._site, series, self._next[series]) for series in sorted(self._taken)]
        self._connection.executemany(sql.keep_number, numbers)

    def _join(self, rollup: Rollup) -> None:
        joining = {
            (*self._key(group), chunk): places
            for group, members in sorted(rollup.members.items())
            for chunk, places in by_chunk(members).items()
        }
        found = self._connection.fetch_each(self._connection.sql.chunk, list(joining))
        rows = [
            (*key, join(kept[0] if kept else None, places))
            for (key, places), kept in zip(joining.items(), found, strict=True)
        ]
        self._connection.executemany(self._connection.sql.keep_chunk, rows)

    def _key(self, group: Group) -> tuple[str, str, int, str, str]:
        return (self._site, group.what, int(group.bot), group.day, group.name)

    def _peek(self, series: str) -> int:
        if series not in self._next:
            row = self._connection.execute(self._connection.sql.number, (self._site, series)).fetchone()
            self._next[series] = row[0] if row else 0
        return self._next[series]
