"""The audit trail: who of the staff saw or changed what. It is only ever added to.

Days are in UTC, as most lines belong to no site.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.staff import EVERY_SITE, Member, Right
from gatekeeper.panels.writing import csv_head, csv_lines
from gatekeeper.store.books import Entry, StaffBook
from gatekeeper.web.errors import Forbidden
from gatekeeper.web.http import NO_STORE, OWN, Request, Response
from gatekeeper.web.ids import event_id
from gatekeeper.web.service import Service

from .page import dashboard_page

#: Longer details are cut: some repeat what somebody typed.
_MAX_DETAIL = 500
#: How many lines the page shows, and how many are read at once for a file.
SHOWN = 200
_AT_ONCE = 1000
#: How many days back the page goes unless it is asked for others.
_USUAL = timedelta(days=30)
_DAY = timedelta(days=1)
#: What lines may be about, by the beginning of their action; the form offers them, and takes others.
_ACTIONS = ("account.", "draft.", "export", "mark.", "session.", "sign-in.", "token.", "visitor.")
_COLUMNS = ("at", "who", "site", "action", "about", "detail")


def entry_of(
    service: Service, member: Member | None, action: str, *, site: str = "", about: str = "", detail: str = ""
) -> Entry:
    """Return a line for the trail, to be kept with what it tells of.

    :param member: None where nobody is signed in.
    """
    return line(member, action, at=service.now(), site=site, about=about, detail=detail)


def line(member: Member | None, action: str, *, at: int, site: str = "", about: str = "", detail: str = "") -> Entry:
    """Return a line for the trail where no service runs; see :func:`entry_of`.

    :param at: seconds since the epoch.
    """
    account, who = (member.account, member.name) if member else (b"", "")
    return Entry(event_id(), at, account, who, site, action, about, detail[:_MAX_DETAIL])


def note(
    service: Service, member: Member | None, action: str, *, site: str = "", about: str = "", detail: str = ""
) -> None:
    """Add to the trail what was seen, or taken along."""
    service.store.staff.note(entry_of(service, member, action, site=site, about=about, detail=detail))


def moment(at: int) -> str:
    """Return a moment as pages of no site have it: ``2026-11-22 12:00`` in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of the trail are asked for.

    :param sites: None is all, and what belongs to none.
    :param last: the last day that counts.
    """

    sites: tuple[str, ...] | None
    action: str
    first: date
    last: date

    def read(self, book: StaffBook, limit: int, *, before: int | None = None) -> list[Entry]:
        """Return the newest lines.

        :param before: only those before this moment.
        """
        end = _begin_of(self.last + _DAY) if before is None else before
        return book.entries(self.sites, first=_begin_of(self.first), before=end, limit=limit, action=self.action)

    def read_all(self, book: StaffBook) -> Iterator[list[Entry]]:
        """Yield all lines, the newest first, some at a time."""
        before, limit = None, _AT_ONCE
        while True:
            found = self.read(book, limit, before=before)
            if len(found) < limit:
                yield found
                return
            # More of the last second may not have come along: it is read again, whole.
            oldest = found[-1].at
            whole = [entry for entry in found if entry.at > oldest]
            if whole:
                yield whole
                before, limit = oldest + 1, _AT_ONCE
            else:
                limit *= 2


def wanted(service: Service, request: Request) -> Wanted:
    """Return which lines an address asks for, of those that whoever asks may see.

    :raises Forbidden: they may see none, or not those of the site that is asked for.
    :raises InvalidInput: a day is none, or they are the wrong way round.
    """
    fields = dict(parse_qsl(request.header("QUERY_STRING")))
    today = datetime.fromtimestamp(service.now(), UTC).date()
    last = _read_day(fields.get("last", ""), today)
    first = _read_day(fields.get("first", ""), last - _USUAL)
    if first > last:
        raise InvalidInput(f"first={first} is after last={last}: it must not be")
    return Wanted(_sites(service, request.member, fields.get("site", "")), fields.get("action", "")[:64], first, last)


def _sites(service: Service, member: Member, site: str) -> tuple[str, ...] | None:
    if site:
        if not member.may(Right.SEE_AUDIT, site):
            raise Forbidden(f"this needs the right 'see_audit' on site {site[:32]!r}: an owner can give it")
        return (site,)
    if member.may(Right.SEE_AUDIT):
        return None
    sites = tuple(_readable(service, member))
    if not sites:
        raise Forbidden("this needs the right 'see_audit' on a site: an owner can give it")
    return sites


def _readable(service: Service, member: Member) -> list[str]:
    return [site for site in service.config.sites if member.may(Right.SEE_AUDIT, site)]


def show(service: Service, request: Request) -> Response:
    """Show the trail, or send it as a file."""
    asked = wanted(service, request)
    fields = dict(parse_qsl(request.header("QUERY_STRING")))
    if fields.get("form") == "csv":
        return _file(service, request, asked)
    found = asked.read(service.store.staff, SHOWN + 1)
    names = {account.id.hex(): account.name for account in service.store.staff.accounts()}
    kept = {name: value for name, value in fields.items() if name in {"site", "action", "first", "last"} and value}
    values: dict[str, Any] = {
        "title": "Audit",
        "entries": [_shown(entry, names) for entry in found[:SHOWN]],
        "more": len(found) > SHOWN,
        "shown": SHOWN,
        "wanted": asked,
        "chosen": fields.get("site", ""),
        "sites_of_trail": _readable(service, request.member),
        "actions": _ACTIONS,
        "may_take": _may_take(service, request.member, asked.sites),
        "file": urlencode({**kept, "form": "csv"}),
    }
    return dashboard_page(service, request, "dashboard/audit.html", None, **values)


def _file(service: Service, request: Request, asked: Wanted) -> Response:
    if not _may_take(service, request.member, asked.sites):
        raise Forbidden("this needs the right 'export' on every site that the file tells of: an owner can give it")
    site = asked.sites[0] if asked.sites and len(asked.sites) == 1 else ""
    note(service, request.member, "export", site=site, about="audit", detail=f"{asked.first} to {asked.last}")

    def lines() -> Iterator[bytes]:
        yield csv_head(_COLUMNS)
        for found in asked.read_all(service.store.staff):
            yield csv_lines(
                (f"{moment(one.at)}Z", one.who, one.site, one.action, one.about, one.detail) for one in found
            )

    name = f"audit-{asked.first}-{asked.last}.csv"
    headers = (
        ("Content-Type", "text/csv; charset=utf-8"),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        NO_STORE,
        *OWN,
    )
    return Response(200, headers, stream=lines())


def _may_take(service: Service, member: Member, sites: Sequence[str] | None) -> bool:
    return all(member.may(Right.EXPORT, site) for site in ([EVERY_SITE] if sites is None else sites))


def _shown(entry: Entry, names: dict[str, str]) -> tuple[str, ...]:
    about = names.get(entry.about, entry.about)
    return moment(entry.at), entry.who or "somebody", entry.site, entry.action, about, entry.detail


def _read_day(text: str, usual: date) -> date:
    try:
        return date.fromisoformat(text) if text else usual
    except ValueError as error:
        raise InvalidInput(f"{text[:32]!r} is not a day: write it as 2026-11-22") from error


def _begin_of(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
