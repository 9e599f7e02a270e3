"""The audit trail: who of the staff saw or changed what."""

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
    account, who = (member.account, member.name) if member else (b"", "")
    return Entry(event_id(), service.now(), account, who, site, action, about, detail[:_MAX_DETAIL])


def note(
    service: Service, member: Member | None, action: str, *, site: str = "", about: str = "", detail: str = ""
) -> None:
    """Add to the trail what was seen, or taken along."""
    service.store.staff.note(entry_of(service, member, action, site=site, about=about, detail=detail))


def show(service: Service, request: Request) -> Response:
    """Show the trail."""
    raise NotFound("not built yet")
