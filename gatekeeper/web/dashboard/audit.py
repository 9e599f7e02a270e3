"""The audit trail: who of the staff saw or changed what."""

from datetime import UTC, datetime

from gatekeeper.core.staff import Member
from gatekeeper.store.books import Entry
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response
from gatekeeper.web.ids import event_id
from gatekeeper.web.service import Service

#: Longer details are cut: some repeat what somebody typed.
_MAX_DETAIL = 500


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


def show(service: Service, request: Request) -> Response:
    """Show the trail."""
    raise NotFound("not built yet")
