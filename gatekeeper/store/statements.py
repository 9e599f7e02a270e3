"""The statements, written in SQLAlchemy Core and compiled once for each engine to text that its driver runs as it is.

Compiling on every batch would cost more than the writes. Each begins with a comment that names where it is used, so
that a log of slow queries points home.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    Text,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from . import schema

_SUBJECT = ("site", "subject")
_SERIES = ("site", "series")
_DETAILS = ("name", "page", "outcome", "reason", "currency")
#: Which counts a statement about some span of time reads.
_OF_SPAN = ("site", "what", "bot")
#: What the names of parameters for the first and the last begin with, in statements of three spans.
_SPANS = ("begin_", "end_", "months_")
#: Beyond this no value is added to a sum any more, so that a hundred of them stay within 63 bits.
MOST_VALUE = 9 * 10**16
_SIGHTING = ("site", "day", "what", "name", "path")


def names(table: Table) -> list[str]:
    """Return the names of a table's columns, in their order."""
    return [column.name for column in table.columns]


def equal(table: Table, *names: str) -> ColumnElement[bool]:
    """Return the condition that columns equal parameters of the same name."""
    first, *rest = (table.c[name] == bindparam(name) for name in names)
    condition: ColumnElement[bool] = first
    for part in rest:
        condition = condition & part
    return condition


def _panel(told: Sequence[str], *, named: bool) -> Any:
    """Return the SELECT of what was counted in the three spans of :func:`~gatekeeper.core.days.sums`, most first.

    :param told: the columns by which counts are told apart.
    :param named: whether only what goes by one name is asked for.
    """
    parts = [_days(told, "begin_", named=named), _days(told, "end_", named=named), _months(told, named=named)]
    counted = union_all(*parts).subquery("counted")
    columns = [counted.c[name] for name in told]
    n, value = (_sum(counted.c[name]) for name in ("n", "value"))
    row = [counted.c[name] if name in told else literal_column("''") for name in _DETAILS[1:]]
    name = bindparam("name", type_=Text) if named else counted.c.name
    return (
        select(name, *row, n, value)
        .group_by(*columns)
        .order_by(n.desc(), *columns)
        .limit(bindparam("most"))
        .offset(literal_column("0"))  # SQLAlchemy would write it as a parameter for SQLite
    )


def _days(told: Sequence[str], span: str, *, named: bool) -> Any:
    """Return the SELECT of what was counted on some days, added or taken off."""
    days = schema.rollups
    columns = [days.c[name] for name in told]
    n, value = (_sum(days.c[name]) * bindparam(f"{span}sign") for name in ("n", "value"))
    amounts = select(*columns, n.label("n"), value.label("value")).group_by(*columns)
    if named:
        source, wanted, _ = _of_name(span)
        return amounts.select_from(source).where(wanted)
    between = days.c.day.between(bindparam(f"{span}first"), bindparam(f"{span}last"))
    return amounts.where(equal(days, *_OF_SPAN) & between)


def _months(told: Sequence[str], *, named: bool) -> Any:
    """Return the SELECT of what was counted in some months."""
    months = schema.monthly_rollups
    columns = [months.c[name] for name in told]
    wanted = equal(months, *_OF_SPAN, "name") if named else equal(months, *_OF_SPAN)
    between = months.c.month.between(bindparam("months_first"), bindparam("months_last"))
    n, value = (_sum(months.c[name]).label(name) for name in ("n", "value"))
    return select(*columns, n, value).where(wanted & between).group_by(*columns)


def _sum(column: ColumnElement[int]) -> ColumnElement[int]:
    """Return a sum as a whole number: a server's own are decimals, and take longer in all that follows."""
    return cast(func.sum(column), BigInteger)


def _of_name(span: str = "") -> tuple[FromClause, ColumnElement[bool], ColumnElement[str]]:
    """Return where to find what was counted on some days of one name alone: a join, its condition, and what is the day.

    It steps from day to day, and on each to the name: a mere range of days would lead through the counts of all names.

    :param span: what the names of the parameters for the first and the last begin with.
    """
    days = schema.rollups
    next_one = select(func.min(days.c.day)).where(equal(days, *_OF_SPAN))
    begin = next_one.where(days.c.day >= bindparam(f"{span}first")).scalar_subquery()
    found = select(begin.label("at")).cte(f"{span}found", recursive=True)
    after = next_one.where(days.c.day > found.c.at).scalar_subquery()
    found = found.union_all(select(after).where(found.c.at < bindparam(f"{span}last")))
    wanted = equal(days, *_OF_SPAN, "name") & (found.c.at <= bindparam(f"{span}last"))
    return found.join(days, days.c.day == found.c.at), wanted, found.c.at


def _frequent(rows: Any) -> Any:
    """Return the SELECT of the rows of each day that say anything, most first."""
    told = rows.subquery("told")
    return (
        select(told).where(_anything(told.c)).order_by(told.c.at, told.c.n.desc(), *(told.c[name] for name in _DETAILS))
    )


def _anything(columns: Any) -> ColumnElement[bool]:
    """Return the condition that a row says anything: what was taken back leaves rows of nothing."""
    n, value = (columns[name] != literal_column("0") for name in ("n", "value"))
    anything: ColumnElement[bool] = n | value
    return anything


def _visitor_sets(span: str) -> Any:
    """Return the SELECT of the sets of visitors in one of the three spans of :func:`~gatekeeper.core.days.spans`."""
    table = schema.monthly_visitor_sets if span == "months_" else schema.visitor_sets
    when = table.c["month" if span == "months_" else "day"]
    inside = when.between(bindparam(f"{span}first"), bindparam(f"{span}last"))
    return select(table.c.chunk, table.c.bits).where(equal(table, "site", "bot") & inside)


def _sums(by: tuple[str, ...]) -> Any:
    """Return the SELECT of totals added up, with nothing in the columns that are not told apart."""
    totals = schema.totals
    fields = [
        column if column.name in by else literal_column("0" if column.name == "notice" else "''")
        for column in totals.columns
        if column.name not in {"site", "n"}
    ]
    # Of a day by itself both ends are known: finding them costs as much as adding up.
    ends = (totals.c.day, totals.c.day) if "day" in by else (func.min(totals.c.day), func.max(totals.c.day))
    begin, end = (column.label(name) for column, name in zip(ends, ("begin", "until"), strict=True))
    return select(*fields, func.sum(totals.c.n), begin, end).group_by(*(totals.c[field] for field in by))


class Ordered(NamedTuple):
    """A statement as text, and the names of its parameters in their order: each as often as the text has it."""

    text: str
    order: tuple[str, ...]


class Statements:
    """All statements that both engines run, in one engine's words.

    :param dialect: how its driver wants them; its parameters stand in order, without names.
    :param insert: the dialect's own INSERT, which knows ON CONFLICT.
    """

    def __init__(self, dialect: Dialect, insert: Callable[[Table], Any]) -> None:
        self._dialect = dialect
        self._insert_into = insert
        self._notices()
        self._subjects()
        self._events()
        self._settling()
        self._panels()
        self._totals()
        self._sightings()
        self._leases()
        self._health()

    def _notices(self) -> None:
        notices, lifted = schema.notices, schema.lifted
        self.publish = self._compile("publish", self._insert(notices).on_conflict_do_nothing(), names(notices))
        self.last_notice = self._compile(
            "publish", select(func.max(notices.c.no)).where(equal(notices, "site")), ["site"]
        )
        self.notices = self._compile(
            "notices", select(notices).where(equal(notices, "site")).order_by(notices.c.no), ["site"]
        )
        self.lift = self._compile("lift", self._insert(lifted).on_conflict_do_nothing(), names(lifted))
        self.restore = self._compile("lift", delete(lifted).where(equal(lifted, "site")), ["site"])
        self.is_lifted = self._compile("is_lifted", select(lifted.c.at).where(equal(lifted, "site")), ["site"])

    def _subjects(self) -> None:
        subjects, records, replaced, blocked = schema.subjects, schema.records, schema.replaced, schema.blocked
        is_open = equal(records, *_SUBJECT) & records.c.ended_at.is_(None)
        self.add_subject = self._compile("record", self._insert(subjects).on_conflict_do_nothing(), names(subjects))
        self.key = self._compile("events", select(subjects.c.key).where(equal(subjects, *_SUBJECT)), _SUBJECT)
        #: Takes a subject for oneself until the transaction is over: nobody appends to it, or ends it, meanwhile.
        self.hold = self._compile(
            "hold", select(subjects.c.subject).where(equal(subjects, *_SUBJECT)).with_for_update(), _SUBJECT
        )
        self.forget_key = self._compile(
            "block", update(subjects).values(key=None).where(equal(subjects, *_SUBJECT)), ["key", *_SUBJECT]
        )
        self.add_record = self._compile("record", self._insert(records).on_conflict_do_nothing(), names(records))
        self.end_record = self._compile(
            "end",
            update(records).values(ended_at=bindparam("end_at"), ended_as=bindparam("end_as")).where(is_open),
            ["end_at", "end_as", *_SUBJECT],
        )
        self.records = self._compile(
            "records",
            select(records)
            .where(equal(records, *_SUBJECT))
            .order_by(records.c.at, records.c.ended_at.is_(None), records.c.ended_at),
            _SUBJECT,
        )
        self.open_records = self._compile("record", select(records).where(is_open), _SUBJECT)
        self.find_receipt = self._compile(
            "find_receipt", select(records).where(equal(records, "site", "receipt")), ["site", "receipt"]
        )
        self.replace = self._compile("record", self._insert(replaced), names(replaced))
        self.blocked = self._compile("append", select(blocked.c.status).where(equal(blocked, *_SUBJECT)), _SUBJECT)
        block = self._insert(blocked)
        self.block = self._compile(
            "block",
            block.on_conflict_do_update(
                index_elements=list(_SUBJECT), set_={"status": block.excluded.status, "at": block.excluded.at}
            ),
            names(blocked),
        )

    def _events(self) -> None:
        fresh, settled = schema.fresh_events, schema.events
        self.append = self._compile("append", self._insert(fresh).on_conflict_do_nothing(), names(fresh))
        self.events = self._compile(
            "events",
            union_all(
                select(settled).where(equal(settled, *_SUBJECT)),
                select(fresh).where(equal(fresh, *_SUBJECT)),
            ).order_by("at", "event"),
            [*_SUBJECT, *_SUBJECT],
        )

    def _settling(self) -> None:
        visitors, numbers = schema.visitors, schema.numbers
        self.visitor = self._compile("settle", select(visitors.c.body).where(equal(visitors, *_SUBJECT)), _SUBJECT)
        self.keep_visitor = self._compile("settle", self._insert_or_set(visitors, "at", "body"), names(visitors))
        self.forget_visitor = self._compile("block", delete(visitors).where(equal(visitors, *_SUBJECT)), _SUBJECT)
        self.number = self._compile("settle", select(numbers.c.n).where(equal(numbers, *_SERIES)), _SERIES)
        self.keep_number = self._compile("settle", self._insert_or_set(numbers, "n"), names(numbers))
        self.names, self.keep_names = self._kept(schema.facet_names)
        self.codes, self.keep_codes = self._kept(schema.facet_codes)
        self.visitor_set, self.keep_visitor_set = self._kept(schema.visitor_sets)
        self.monthly_visitor_set, self.keep_monthly_visitor_set = self._kept(schema.monthly_visitor_sets)
        self.add_daily = self._compile("settle", self._insert_or_add_up(schema.rollups), names(schema.rollups))
        self.add_sum = self._compile("settle", self._insert_or_add_up(schema.daily_sums), names(schema.daily_sums))
        self.add_monthly = self._compile(
            "settle", self._insert_or_add_up(schema.monthly_rollups), names(schema.monthly_rollups)
        )

    def _kept(self, table: Table) -> tuple[str, str]:
        """Return how the last column of a row is read by its key, and written."""
        *key, last = names(table)
        read = self._compile("settle", select(table.c[last]).where(equal(table, *key)), key)
        return read, self._compile("settle", self._insert_or_set(table, last), [*key, last])

    def _panels(self) -> None:
        days = schema.rollups
        self._of_panels: dict[tuple[tuple[str, ...], bool], Ordered] = {}
        self._of_outcomes: dict[int, str] = {}
        between = days.c.day.between(bindparam("first"), bindparam("last"))
        of_what = equal(days, "site", "what", "bot")
        in_order = ["site", "what", "bot", "first", "last"]
        by_name = [*_OF_SPAN, "first", *_OF_SPAN, "last", *_OF_SPAN, "name", "last"]
        self.by_day = self._of_days("by_day", schema.daily_sums)
        # By ``at``, not by ``day``: SQLite would rather walk all names of all days than sort.
        source, of_name, at = _of_name()
        by_day_of = select(at, func.sum(days.c.n), func.sum(days.c.value)).select_from(source).where(of_name)
        self.by_day_of = self._compile("by_day", by_day_of.group_by(at), by_name)
        row = [days.c[name] for name in (*_DETAILS, "n", "value")]
        each_day = select(days.c.day.label("at"), *row).where(of_what & between)
        self.each_day = self._compile("each_day", _frequent(each_day), in_order)
        each_day_of = _frequent(select(at, *row).select_from(source).where(of_name))
        self.each_day_of = self._compile("each_day", each_day_of, by_name)
        days_of = select(days.c.name, func.min(days.c.day), func.max(days.c.day)).where(
            of_what & between & _anything(days.c)
        )
        self.days_of = self._compile("days_of", days_of.group_by(days.c.name), in_order)
        months = schema.monthly_rollups
        month = months.c.month
        months_of = select(months.c.name, func.min(month), func.max(month)).where(
            equal(months, "site", "what", "bot")
            & month.between(bindparam("first"), bindparam("last"))
            & _anything(months.c)
        )
        self.months_of = self._compile("days_of", months_of.group_by(months.c.name), in_order)
        self.facet_names = self._of_days("visits", schema.facet_names)
        self.facet_codes = self._of_days("visits", schema.facet_codes)
        in_spans = chain.from_iterable(("site", "bot", f"{span}first", f"{span}last") for span in _SPANS)
        self.visitor_sets = self._compile("visitors", union_all(*map(_visitor_sets, _SPANS)), [*in_spans])

    def panel(self, told: tuple[str, ...], *, named: bool) -> Ordered:
        """Return the SELECT of counts that are told apart by some details, of one name alone or by name."""
        key = (told, named)
        if key not in self._of_panels:
            statement = _panel(told if named else ("name", *told), named=named)
            self._of_panels[key] = self._ordered("panel", statement)
        return self._of_panels[key]

    def outcomes_by_day(self, many: int) -> str:
        """Return the SELECT of how often so many trackers had an outcome, together, on each of some days."""
        if many not in self._of_outcomes:
            days = schema.rollups
            trackers = [f"tracker_{number}" for number in range(many)]
            wanted = equal(days, *_OF_SPAN) & days.c.day.between(bindparam("first"), bindparam("last"))
            wanted &= equal(days, "outcome") & days.c.name.in_([bindparam(tracker) for tracker in trackers])
            statement = select(days.c.day, func.sum(days.c.n)).where(wanted).group_by(days.c.day)
            parameters = [*_OF_SPAN, "first", "last", "outcome", *trackers]
            self._of_outcomes[many] = self._compile("outcomes_by_day", statement, parameters)
        return self._of_outcomes[many]

    def _of_days(self, name: str, table: Table) -> str:
        """Return the SELECT of the rows of some days, without what they have in common."""
        told = select(*(column for column in table.columns if column.name not in _OF_SPAN))
        between = table.c.day.between(bindparam("first"), bindparam("last"))
        return self._compile(name, told.where(equal(table, *_OF_SPAN) & between), [*_OF_SPAN, "first", "last"])

    def _totals(self) -> None:
        totals = schema.totals
        self.add_total = self._compile("flush", self._insert_or_add(totals), names(totals))
        self._of_totals: dict[tuple[str, tuple[str, ...], tuple[str, ...]], str] = {}

    def totals(self, given: tuple[str, ...]) -> str:
        """Return the SELECT of the totals of some days, of which some columns are given."""
        return self._some_totals("totals", given, ())

    def sums(self, given: tuple[str, ...], by: tuple[str, ...]) -> str:
        """Return the SELECT of the same, added up. Of the columns that are not told apart it says nothing."""
        return self._some_totals("sums", given, by)

    def _some_totals(self, form: str, given: tuple[str, ...], by: tuple[str, ...]) -> str:
        """Return a statement about some totals, compiled when it is first asked for: of all there could be, few are."""
        key = (form, given, by)
        if key not in self._of_totals:
            totals = schema.totals
            wanted = equal(totals, "site", *given) & totals.c.day.between(bindparam("first"), bindparam("last"))
            statement: Any = _sums(by) if form == "sums" else select(totals)
            self._of_totals[key] = self._compile(form, statement.where(wanted), ["site", *given, "first", "last"])
        return self._of_totals[key]

    def _sightings(self) -> None:
        sightings, used = schema.sightings, schema.used_invitations
        self.see_again = self._compile(
            "see",
            update(sightings).values(n=sightings.c.n + bindparam("more")).where(equal(sightings, *_SIGHTING)),
            ["more", *_SIGHTING],
        )
        self.see_first = self._compile("see", self._insert_or_add(sightings), names(sightings))
        self.count_sightings = self._compile(
            "see", select(func.count()).select_from(sightings).where(equal(sightings, "site")), ["site"]
        )
        self.sightings = self._compile("sightings", select(sightings).where(equal(sightings, "site")), ["site"])
        self.forget_sightings = self._compile(
            "forget_sightings", delete(sightings).where(equal(sightings, "site")), ["site"]
        )
        self.use_invitation = self._compile("use_invitation", self._insert(used).on_conflict_do_nothing(), names(used))
        self.drop_invitations = self._compile(
            "use_invitation", delete(used).where(used.c.until <= bindparam("now")), ["now"]
        )

    def _leases(self) -> None:
        leases = schema.leases
        mine = equal(leases, "name", "holder")
        self.lease = self._compile(
            "lease", select(leases.c.holder, leases.c.until).where(equal(leases, "name")), ["name"]
        )
        take = self._insert(leases)
        self.take_lease = self._compile(
            "lease",
            take.on_conflict_do_update(
                index_elements=["name"],
                set_={"holder": take.excluded.holder, "until": take.excluded.until},
                where=(leases.c.until <= bindparam("now")) | (leases.c.holder == take.excluded.holder),
            ),
            [*names(leases), "now"],
        )
        self.give_lease_back = self._compile("give_back", delete(leases).where(mine), ["name", "holder"])

    def _health(self) -> None:
        beat = self._insert(schema.heartbeat)
        self.heartbeat = self._compile(
            "check",
            beat.on_conflict_do_update(
                index_elements=["id"], set_={"at": beat.excluded.at, "padding": beat.excluded.padding}
            ),
            names(schema.heartbeat),
        )
        self.count_fresh = self._compile("measures", select(func.count()).select_from(schema.fresh_events), [])

    def insert(self, table: Table) -> Any:
        """Return the INSERT of a whole row, in the dialect that knows ON CONFLICT."""
        return self._insert(table)

    def compile(self, name: str, statement: ClauseElement, parameters: Sequence[str]) -> str:
        """Return a statement of somebody else's as text; see :meth:`_compile`."""
        return self._compile(name, statement, parameters)

    def _insert(self, table: Table) -> Any:
        return self._insert_into(table).values({name: bindparam(name) for name in names(table)})

    def _insert_or_add(self, table: Table) -> Any:
        """Return the INSERT of a count that adds to the one that is there."""
        count = self._insert(table)
        return count.on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_={"n": table.c.n + count.excluded.n}
        )

    def _insert_or_set(self, table: Table, *columns: str) -> Any:
        """Return the INSERT of a row that takes the place of the one that is there."""
        row = self._insert(table)
        changes = {name: row.excluded[name] for name in columns}
        return row.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changes)

    def _insert_or_add_up(self, table: Table) -> Any:
        """Return the INSERT of a rollup that adds to the one that is there. A sum that is full stays as it is."""
        count = self._insert(table)
        room = func.abs(table.c.value) < literal_column(str(MOST_VALUE))
        changes = {
            "n": table.c.n + count.excluded.n,
            "value": case((room, table.c.value + count.excluded.value), else_=table.c.value),
        }
        return count.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changes)

    def _compile(self, name: str, statement: ClauseElement, parameters: Sequence[str]) -> str:
        """Return a statement as text.

        :param parameters: in the order in which callers give them; a mistake here shows on import.
        """
        compiled = self._ordered(name, statement)
        if compiled.order != tuple(parameters):
            raise AssertionError(f"{name} takes {compiled.order}, not {tuple(parameters)}")
        return compiled.text

    def _ordered(self, name: str, statement: ClauseElement) -> Ordered:
        compiled = statement.compile(dialect=self._dialect)
        return Ordered(f"/* store.{name} */ {compiled}", tuple(getattr(compiled, "positiontup", None) or ()))
