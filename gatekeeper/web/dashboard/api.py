"""The API: panels and the rest for programs, described by itself.

What it answers are the forms below: what is sent and what the description says of it are made from the same types.
Within ``v1`` fields are added to them, and none is changed or taken away.
"""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from urllib.parse import parse_qsl

import msgspec

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.panels import Unit
from gatekeeper.core.rollups import FACETS, What
from gatekeeper.core.staff import Right
from gatekeeper.panels.catalogue import PANELS
from gatekeeper.panels.known import is_known
from gatekeeper.panels.writing import csv_of, value_of
from gatekeeper.store.books import Entry as Line
from gatekeeper.store.books import MarkKind
from gatekeeper.web.errors import Forbidden, NotFound
from gatekeeper.web.http import NO_STORE, OWN, Request, Response, json_response
from gatekeeper.web.service import Service

from .asked import asked_of
from .page import panels_of, sources_of

CSV = "text/csv"
#: What a panel can be asked for beside its filters.
PANEL_QUERY = ("first", "last", "days", "bot", "about", "format")
FILTERS = tuple(f"f.{what}" for what in What if what in FACETS)
DAYS_QUERY = ("first", "last", "days")
AUDIT_QUERY = ("site", "action", "limit", "after")
MOST_ENTRIES = 1000
_USUAL_ENTRIES = 100
_MOST_FIELDS = 100
#: The second and the id of the line that an answer ended with.
_CURSOR = re.compile(r"([0-9]{1,11})-([0-9a-f]{32})")
_CSV_HEADERS = (("Content-Type", f"{CSV}; charset=utf-8"), ("Vary", "Accept"), NO_STORE, *OWN)

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]


class Site(msgspec.Struct):
    """A site that the token may see.

    :param time_zone: of its days.
    :param today: the day that it is there.
    """

    id: str
    name: str
    time_zone: str
    today: date


class Sites(msgspec.Struct):
    """The sites that the token may see."""

    sites: list[Site]


class ListedPanel(msgspec.Struct):
    """A panel that can be asked for.

    :param page: on which page of the dashboard it is.
    :param about: what ``about`` must name, such as ``tracker``; empty where nothing.
    :param filtered: whether it heeds filters.
    """

    id: str
    title: str
    page: str
    about: str
    filtered: bool


class Panels(msgspec.Struct):
    """All panels.

    :param filters: the parameters by which panels are filtered, for those that heed them.
    """

    panels: list[ListedPanel]
    filters: list[str]


class Column(msgspec.Struct):
    """A column of a panel.

    :param unit: ``share`` is a part of a whole, from 0 to 1; ``money`` is in whole units of a currency that another
        column names.
    """

    id: str
    title: str
    unit: Unit


class Few(msgspec.Struct, forbid_unknown_fields=True):
    """A number that is not told: it is of fewer people than the smallest group."""

    hidden: Literal["few"]


class Panel(msgspec.Struct):
    """A table of numbers.

    :param first: the first day that it is about, in the site's time zone; ``last`` is included.
    :param rows: by the ids of the columns. ``null`` is not measured, which is not 0.
    :param note: what a reader has to know to read it right.
    :param missing: why nothing is measured; empty where it is.
    """

    id: str
    title: str
    site: str
    first: date
    last: date
    columns: list[Column]
    rows: list[dict[str, str | int | float | Few | None]]
    note: str
    missing: str


class Mark(msgspec.Struct):
    """Something that happened on a day, beside which numbers are read.

    :param day: in the site's time zone.
    :param name: what tells two of a kind and day apart: the notice's number, a host.
    :param who: who of the staff says so; empty where the service noticed it by itself.
    """

    day: date
    kind: MarkKind
    name: str
    text: str
    who: str


class Marks(msgspec.Struct):
    """The marks of some days, the newest first."""

    marks: list[Mark]


class Alarm(msgspec.Struct):
    """Something that is wrong, or was.

    :param name: of what: a tracker, a host; empty for the site itself.
    :param ended_at: when it was right again; ``null`` while it is not.
    """

    kind: str
    name: str
    text: str
    since: datetime
    ended_at: datetime | None


class Alarms(msgspec.Struct):
    """The open alarms, and those that ended within the days asked for, the newest first."""

    alarms: list[Alarm]


class Entry(msgspec.Struct):
    """A line of the audit trail.

    :param who: the name at that time.
    :param site: empty for what belongs to none.
    :param about: what it was done to, by its id.
    """

    id: Id
    at: datetime
    who: str
    site: str
    action: str
    about: str
    detail: str


class Audit(msgspec.Struct):
    """Lines of the audit trail, the newest first.

    :param next: the value of ``after`` that goes on from here; ``null`` at the end.
    """

    entries: list[Entry]
    next: str | None


def sites(service: Service, request: Request) -> Response:
    """List the sites that the token may see."""
    _fields(request, ())
    seen = [service.config.sites[site] for site in request.member.sites(service.config.sites)]
    now = service.now()
    told = [Site(site.id, site.name, site.time_zone, date.fromisoformat(site.day_of(now))) for site in seen]
    return json_response(Sites(told))


def panels(service: Service, request: Request) -> Response:
    """List the panels."""
    _fields(request, ())
    listed = [ListedPanel(one.id, one.title, one.page, one.about, one.filtered) for one in PANELS.values()]
    return json_response(Panels(listed, [*FILTERS]))


def send_panel(service: Service, request: Request, site: str, panel: str) -> Response:
    """Send a panel, as JSON or as CSV."""
    fields = _fields(request, (*PANEL_QUERY, *FILTERS))
    form = _form(request, fields)
    listed = PANELS.get(panel)
    if listed is None:
        raise NotFound(f"no panel {panel[:64]!r}: /api/v1/panels lists them")
    _check_about(fields.get("about", ""), listed.about)
    asked = asked_of(service, request, site)
    if asked.about and not is_known(sources_of(service, site), asked):
        raise NotFound(f"no tracker {asked.about[:64]!r} is declared, and none was met on these days")
    (made,) = panels_of(service, site, asked, [panel])
    if form == "csv":
        return Response(200, _CSV_HEADERS, stream=csv_of(made))
    told = {**value_of(made), "site": site, "first": asked.first, "last": asked.last}
    return json_response(msgspec.convert(told, Panel)).adding(("Vary", "Accept"))


def marks(service: Service, request: Request, site: str) -> Response:
    """Send what happened on some days, such as that a notice was published."""
    _fields(request, DAYS_QUERY)
    asked = asked_of(service, request, site)
    found = service.store.marks.marks(site, asked.first, asked.last)
    return json_response(
        Marks([Mark(date.fromisoformat(one.day), one.kind, one.name, one.text, one.who) for one in found])
    )


def alarms(service: Service, request: Request, site: str) -> Response:
    """Send what is wrong, and what was within some days."""
    _fields(request, DAYS_QUERY)
    asked = asked_of(service, request, site)
    found = service.store.alarms.alarms(site, since=int(datetime.fromisoformat(f"{asked.first}T00:00Z").timestamp()))
    told = [
        Alarm(one.kind, one.name, one.text, _moment(one.since), None if one.ended_at is None else _moment(one.ended_at))
        for one in found
    ]
    return json_response(Alarms(told))


def audit(service: Service, request: Request) -> Response:
    """Send the audit trail, some lines at a time."""
    fields = _fields(request, AUDIT_QUERY)
    limit = _limit(fields.get("limit", str(_USUAL_ENTRIES)))
    after = _after(fields.get("after", ""))
    seen = _audited(service, request, fields.get("site", ""))
    found = list(_lines(service, seen, after, limit + 1, fields.get("action", "")))
    more = found[limit - 1] if len(found) > limit else None
    told = [
        Entry(one.id.hex(), _moment(one.at), one.who, one.site, one.action, one.about, one.detail)
        for one in found[:limit]
    ]
    return json_response(Audit(told, f"{more.at}-{more.id.hex()}" if more else None))


def describe(service: Service, request: Request) -> Response:
    """Send this description, as OpenAPI 3.1."""
    body, etag = service.describe()
    headers = (("Content-Type", "application/json"), ("Cache-Control", "no-cache"), ("ETag", etag), *OWN)
    if etag in request.header("HTTP_IF_NONE_MATCH"):
        return Response(304, headers)
    return Response(200, headers, body)


def _fields(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return what the query says.

    :raises InvalidInput: it says something twice, nothing under a name, or what is not asked for here: a program that
        misspells a filter would take the unfiltered numbers for what it wanted.
    """
    try:
        pairs = parse_qsl(
            request.header("QUERY_STRING"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace"
        )
    except ValueError as error:
        raise InvalidInput(f"the query asks for too much: {error}") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise InvalidInput(f"{name[:32]!r} is no parameter here: {there}")
        if name in fields or not value:
            raise InvalidInput(f"{name} has {'two values' if name in fields else 'no value'}: give it one")
        fields[name] = value
    return fields


def _form(request: Request, fields: dict[str, str]) -> str:
    accept = request.header("HTTP_ACCEPT")
    usual = "csv" if CSV in accept and "application/json" not in accept else "json"
    form = fields.get("format", usual)
    if form not in {"json", "csv"}:
        raise InvalidInput(f"format={form[:32]!r} is not known: use one of json, csv")
    return form


def _check_about(about: str, wanted: str) -> None:
    if about and not wanted:
        raise InvalidInput("this panel is not about one thing: leave `about` out")
    if wanted and not about:
        raise InvalidInput(f"this panel is about one {wanted}: name it by `about`")


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 8 and 1 <= int(value) <= MOST_ENTRIES):
        raise InvalidInput(f"limit={value[:32]!r} is not a number from 1 to {MOST_ENTRIES}: try {_USUAL_ENTRIES}")
    return int(value)


def _after(value: str) -> tuple[int, bytes] | None:
    if not value:
        return None
    told = _CURSOR.fullmatch(value)
    if told is None:
        raise InvalidInput(f"after={value[:64]!r} is not what `next` said: take it from the answer before")
    return int(told[1]), bytes.fromhex(told[2])


def _audited(service: Service, request: Request, site: str) -> list[str] | None:
    """Return the sites whose trail may be seen; None where that is all of it.

    :raises Forbidden: none may.
    """
    member = request.member
    if site:
        if not member.may(Right.SEE_AUDIT, site):
            raise Forbidden(f"this needs the right 'see_audit' on site {site[:32]!r}: an owner can give it")
        return [service.published(site).site.id]
    if member.may(Right.SEE_AUDIT):
        return None
    seen = [each for each in service.config.sites if member.may(Right.SEE_AUDIT, each)]
    if not seen:
        raise Forbidden("this needs the right 'see_audit' on a site: an owner can give it")
    return seen


def _lines(
    service: Service, seen: list[str] | None, after: tuple[int, bytes] | None, limit: int, action: str
) -> Iterator[Line]:
    """Yield lines of the audit trail that come after one of them."""
    if after is None:
        yield from service.store.staff.entries(seen, first=0, before=service.now() + 1, limit=limit, action=action)
        return
    # Those of its own second stand on both sides of it: as many more are read as there may be before it.
    at, id = after
    here = service.store.staff.entries(seen, first=at, before=at + 1, limit=MOST_ENTRIES, action=action)
    rest = [line for line in here if line.id < id][:limit]
    yield from rest
    if len(rest) < limit:
        yield from service.store.staff.entries(seen, first=0, before=at, limit=limit - len(rest), action=action)


def _moment(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
