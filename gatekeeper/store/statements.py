"""The statements, written in SQLAlchemy Core and compiled once for each engine to text that its driver runs as it is.

Compiling on every batch would cost more than the writes. Each begins with a comment that names where it is used, so
that a log of slow queries points home.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Table,
    bindparam,
    case,
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
_DETAILS = ("name", "tracker", "outcome", "reason", "currency")
#: What a panel's statement takes for each of four spans: which counts, and the first and the last day or month.
_OF_SPAN = ("site", "what", "bot")
_SPAN_NAMES = ("before_", "after_", "beyond_", "months_")
_SPANS = [(*_OF_SPAN, f"{span}first", f"{span}last") for span in _SPAN_NAMES]
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


def _spans() -> Iterator[tuple[str, Table, ColumnElement[str]]]:
    """Yield the four spans of :func:`~gatekeeper.core.days.sums`, with its table and what that says of the time."""
    *spans, months = _SPAN_NAMES
    for span in spans:
        yield span, schema.rollups, schema.rollups.c.day
    yield months, schema.monthly_rollups, schema.monthly_rollups.c.month


def _panel(columns: Sequence[str], *, of: str = "") -> Any:
    """Return the SELECT of what was counted in four spans, most first.

    :param columns: by which counts are told apart.
    :param of: the column of which only one value is asked for.
    """
    parts = []
    for span, table, when in _spans():
        added = (-table.c.n, -table.c.value) if span == "beyond_" else (table.c.n, table.c.value)
        amounts = [*(table.c[name] for name in columns), added[0].label("n"), added[1].label("value")]
        if of == "name":
            parts.append(_of_name(amounts, table, when, span))
        else:
            wanted = equal(table, *_OF_SPAN) & when.between(bindparam(f"{span}first"), bindparam(f"{span}last"))
            parts.append(select(*amounts).where(wanted & equal(table, of) if of else wanted))
    counted = union_all(*parts).subquery("counted")
    n = func.sum(counted.c.n)
    told = [counted.c[name] if name in columns else literal_column("''").label(name) for name in _DETAILS]
    return (
        select(*told, n, func.sum(counted.c.value))
        .group_by(*(counted.c[name] for name in columns))
        .having(n != literal_column("0"))
        .order_by(n.desc(), *(counted.c[name] for name in columns))
        .limit(bindparam("most"))
        .offset(literal_column("0"))  # SQLAlchemy would write it as a parameter for SQLite
    )


def _of_name(columns: Sequence[ColumnElement[Any]], table: Table, when: ColumnElement[str], span: str = "") -> Any:
    """Return a SELECT of what was counted in a span, of one name alone; its first column, ``at``, says when.

    It steps from day to day, and on each to the name: a mere range of days would lead through the counts of all names.

    :param when: the column that says on which day, or in which month.
    :param span: what the names of the parameters for the first and the last begin with.
    """
    next_one = select(func.min(when)).where(equal(table, *_OF_SPAN))
    begin = next_one.where(when >= bindparam(f"{span}first")).scalar_subquery()
    found = select(begin.label("at")).cte(f"{span}found", recursive=True)
    after = next_one.where(when > found.c.at).scalar_subquery()
    found = found.union_all(select(after).where(found.c.at < bindparam(f"{span}last")))
    wanted = equal(table, *_OF_SPAN, "name") & (found.c.at <= bindparam(f"{span}last"))
    return select(found.c.at, *columns).join_from(found, table, when == found.c.at).where(wanted)


def _steps(span: str = "") -> list[str]:
    """Return the order of the parameters by which :func:`_of_name` steps from day to day."""
    return [*_OF_SPAN, f"{span}first", *_OF_SPAN, f"{span}last"]


def _named(span: str = "") -> list[str]:
    """Return the order of the parameters by which it then finds the name."""
    return [*_OF_SPAN, "name", f"{span}last"]


def _frequent(rows: Any) -> Any:
    """Return the SELECT of the rows of each day that say anything, most first."""
    told = rows.subquery("told")
    anything = told.c.n != literal_column("0")
    return select(told).where(anything).order_by(told.c.at, told.c.n.desc(), *(told.c[name] for name in _DETAILS))


def _visitor_sets(span: str) -> Any:
    """Return the SELECT of the sets of visitors in one of the three spans."""
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
        self.replaced = self._compile(
            "append",
            select(replaced.c.record).where(equal(replaced, *_SUBJECT, "record")),
            [*_SUBJECT, "record"],
        )
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
        self.panel = self._compile("panel", _panel(("name",)), [*chain(*_SPANS), "most"])
        self.panel_details = self._compile("panel", _panel(_DETAILS), [*chain(*_SPANS), "most"])
        of_name = [*chain.from_iterable(map(_steps, _SPAN_NAMES)), *chain.from_iterable(map(_named, _SPAN_NAMES))]
        of_tracker = chain.from_iterable((*span, "tracker") for span in _SPANS)
        self.panel_of = {
            "name": self._compile("panel", _panel(_DETAILS, of="name"), [*of_name, "most"]),
            "tracker": self._compile("panel", _panel(_DETAILS, of="tracker"), [*of_tracker, "most"]),
        }
        between = days.c.day.between(bindparam("first"), bindparam("last"))
        of_what = equal(days, "site", "what", "bot")
        in_order = ["site", "what", "bot", "first", "last"]
        by_name = [*_steps(), *_named()]
        self.by_day = self._of_days("by_day", schema.daily_sums)
        # By ``at``, not by ``day``: SQLite would rather walk all names of all days than sort.
        amounts = _of_name([days.c.n, days.c.value], days, days.c.day).subquery("amounts")
        by_day_of = select(amounts.c.at, func.sum(amounts.c.n), func.sum(amounts.c.value)).group_by(amounts.c.at)
        self.by_day_of = self._compile("by_day", by_day_of, by_name)
        row = [days.c[name] for name in (*_DETAILS, "n", "value")]
        each_day = select(days.c.day.label("at"), *row).where(of_what & between)
        self.each_day = self._compile("each_day", _frequent(each_day), in_order)
        of_outcome = _frequent(each_day.where(equal(days, "outcome")))
        self.each_day_of = {
            "name": self._compile("each_day", _frequent(_of_name(row, days, days.c.day)), by_name),
            "outcome": self._compile("each_day", of_outcome, [*in_order, "outcome"]),
        }
        days_of = select(days.c.name, func.min(days.c.day), func.max(days.c.day)).where(
            of_what & between & (days.c.n != literal_column("0"))
        )
        self.days_of = self._compile("days_of", days_of.group_by(days.c.name), in_order)
        months = schema.monthly_rollups
        month = months.c.month
        months_of = select(months.c.name, func.min(month), func.max(month)).where(
            equal(months, "site", "what", "bot")
            & month.between(bindparam("first"), bindparam("last"))
            & (months.c.n != literal_column("0"))
        )
        self.months_of = self._compile("days_of", months_of.group_by(months.c.name), in_order)
        self.facet_names = self._of_days("visits", schema.facet_names)
        self.facet_codes = self._of_days("visits", schema.facet_codes)
        spans = [span for span in _SPAN_NAMES if span != "beyond_"]  # of a union nothing can be taken off
        in_spans = chain.from_iterable(("site", "bot", f"{span}first", f"{span}last") for span in spans)
        self.visitor_sets = self._compile("visitors", union_all(*map(_visitor_sets, spans)), [*in_spans])

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
            statement = (_sums(by) if form == "sums" else select(totals)).where(wanted)
            self._of_totals[key] = self._compile(form, statement, ["site", *given, "first", "last"])
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
        compiled = statement.compile(dialect=self._dialect)
        order = tuple(getattr(compiled, "positiontup", None) or ())
        if order != tuple(parameters):
            raise AssertionError(f"{name} takes {order}, not {tuple(parameters)}")
        return f"/* store.{name} */ {compiled}"
