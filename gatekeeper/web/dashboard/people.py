"""Accounts of the staff, and who may do what."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.staff import EVERY_SITE, Member, Role
from gatekeeper.store.books import Account
from gatekeeper.web.http import Request, Response, first_of
from gatekeeper.web.pages import form_fields
from gatekeeper.web.service import Service

from . import accounts, passwords, sessions
from .audit import moment
from .members import see_other
from .page import dashboard_page

_PAGE = "/dashboard/people"
_DAY = 86_400
_DONE = MappingProxyType(
    {
        "roles": "The roles are changed. Whoever has them signs in again.",
        "drop-factor": "The second factor is off.",
        "end-sessions": "All sessions have ended.",
        "close": "The account is closed: its sessions and tokens have ended.",
    }
)

_Fields = Mapping[str, list[str]]


def show(service: Service, request: Request) -> Response:
    """Show all accounts."""
    done = first_of(parse_qs(request.header("QUERY_STRING")), "done")
    return _page(service, request, said=_DONE.get(done, ""))


def change(service: Service, request: Request) -> Response:
    """Open, change or close one."""
    fields = form_fields(request)
    do = first_of(fields, "do")
    try:
        if do == "open":
            return _open(service, request, fields)
        account = _named(service, fields)
        if account.id == request.member.account and do not in _OF_OWN:
            raise InvalidInput("This is your own account: change it on its own page, which asks for your password.")
        if do == "invite":
            return _invite(service, request, account)
        if do not in _ACTIONS:
            raise InvalidInput(f"{do[:32]!r} is not one of {', '.join(['open', 'invite', *_ACTIONS])}")
        _ACTIONS[do](service, request.member, account, fields)
    except InvalidInput as error:
        return _page(service, request, error=str(error), status=400)
    if account.id == request.member.account and do == "roles":
        # What they may has changed: the session from before is worth nothing now.
        service.store.staff.end_sessions(account.id)
        return see_other(f"{_PAGE}?done={do}", sessions.begin(service, request, account.id))
    return see_other(f"{_PAGE}?done={do}")


def _open(service: Service, request: Request, fields: _Fields) -> Response:
    roles = _roles(service, fields)
    account, code = accounts.open_account(
        service.store.staff,
        first_of(fields, "email"),
        first_of(fields, "name"),
        roles,
        by=request.member,
        now=service.now(),
    )
    return _page(service, request, invited=account, code=code)


def _invite(service: Service, request: Request, account: Account) -> Response:
    code = accounts.invite_again(service.store.staff, account.id, by=request.member, now=service.now())
    return _page(service, request, invited=account, code=code)


def _set_roles(service: Service, by: Member, account: Account, fields: _Fields) -> None:
    accounts.set_roles(service.store.staff, account.id, _roles(service, fields), by=by, now=service.now())


def _drop_factor(service: Service, by: Member, account: Account, fields: _Fields) -> None:
    accounts.take_off_factor(service.store.staff, account.id, by=by, now=service.now())


def _end_sessions(service: Service, by: Member, account: Account, fields: _Fields) -> None:
    accounts.end_sessions(service.store.staff, account.id, by=by, now=service.now())


def _close(service: Service, by: Member, account: Account, fields: _Fields) -> None:
    if "sure" not in fields:
        raise InvalidInput(f"Nothing was changed: tick the box if {account.name} is to be closed.")
    accounts.close(service.store.staff, account.id, by=by, now=service.now())


_ACTIONS: Mapping[str, Callable[[Service, Member, Account, _Fields], None]] = MappingProxyType(
    {"roles": _set_roles, "drop-factor": _drop_factor, "end-sessions": _end_sessions, "close": _close}
)
#: What owners may do to themselves here.
_OF_OWN = {"roles", "close"}


def _named(service: Service, fields: _Fields) -> Account:
    named = first_of(fields, "account")
    found = next((account for account in service.store.staff.accounts() if account.id.hex() == named), None)
    if found is None:
        raise InvalidInput(f"account {named[:32]!r} is none of those below")
    return found


def _roles(service: Service, fields: _Fields) -> dict[str, Role]:
    """Return the roles that a form gives: a field for each site, and one for every site."""
    roles = {}
    for site in [EVERY_SITE, *service.config.sites]:
        role = first_of(fields, f"role.{site}")
        if role and role not in {*Role}:
            raise InvalidInput(f"role {role[:32]!r} is not one of {', '.join(Role)}")
        if role:
            roles[site] = Role(role)
    return roles


def _page(
    service: Service,
    request: Request,
    *,
    error: str = "",
    said: str = "",
    status: int = 200,
    invited: Account | None = None,
    code: str = "",
) -> Response:
    """Return the page.

    :param invited: who was invited just now.
    :param code: by which they set a password; shown this once.
    """
    found = service.store.staff.accounts()
    values: dict[str, Any] = {
        "title": "People",
        "accounts": [_shown(service, account) for account in found if accounts.is_open(account)],
        "closed": [_shown(service, account) for account in found if not accounts.is_open(account)],
        "role_sites": [EVERY_SITE, *service.config.sites],
        "role_names": list(Role),
        "own": request.member.account.hex(),
        "error": error,
        "said": said,
        "invited": invited,
        "code": code,
        "link": f"{sessions.origin_of(request)}/sign-in/invitation",
        "days": passwords.INVITED_FOR // _DAY,
    }
    return dashboard_page(service, request, "dashboard/people.html", None, status=status, **values)


def _shown(service: Service, account: Account) -> dict[str, Any]:
    lasting = list(sessions.lasting(service, account.id))
    return {
        "id": account.id.hex(),
        "name": account.name,
        "email": account.email,
        "roles": dict(account.roles),
        "says": accounts.say_roles(account.roles),
        "factor": bool(account.totp),
        "state": _state(account, now=service.now()),
        "sessions": len(lasting),
        "seen": moment(lasting[0].seen_at) if lasting else "",
        "ended": moment(account.ended_at)[:10] if account.ended_at is not None else "",
    }


def _state(account: Account, *, now: int) -> str:
    if passwords.is_invited(account.password, now=now):
        return "invited"
    return "active" if passwords.is_set(account.password) else "invitation ran out"
