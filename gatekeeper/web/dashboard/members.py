"""Who asks: the member of the staff behind a session or a token, and whether they may."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from gatekeeper.core.errors import GatekeeperError
from gatekeeper.core.sign_in import SecondFactor
from gatekeeper.core.staff import EVERY_SITE, RIGHTS, Member, Right, Role
from gatekeeper.store.books import Account, ApiToken
from gatekeeper.web.access import is_navigation
from gatekeeper.web.errors import Forbidden, SignedOut
from gatekeeper.web.http import NO_STORE, Request, Response
from gatekeeper.web.service import Service

from . import sessions
from .page import dashboard_page

_DAY = 86_400
#: What opens to those who have to switch on their second factor first.
_WITHOUT_FACTOR = ("/dashboard/account", "/sign-out")
_ELSEWHERE = {"cross-site", "same-site"}


def member_of(service: Service, request: Request, right: Right | None, site: str = EVERY_SITE) -> Member:
    """Return who is signed in, and has a right.

    :param right: None asks only that somebody is.
    :param site: where the right must be held; for pages of no site, anywhere is not enough.
    :raises SignedOut: nobody is signed in.
    :raises Forbidden: somebody is, and may not; or another site's page takes ours in, or fetches it.
    :raises NotFound: no such site is declared. Only who may see every site is told.
    """
    _check_not_taken_in(request)
    session = sessions.session_of(service, request)
    account = service.store.staff.account(session.account) if session else None
    if session is None or account is None or account.ended_at is not None:
        raise SignedOut("nobody is signed in here, or not any more: sign in")
    request.member = replace(as_member(account), session=session.digest)
    if not request.path.startswith(_WITHOUT_FACTOR):
        _check_factor(service, account)
    return _checked(service, request.member, right, site)


def holder_of(service: Service, request: Request, right: Right | None, site: str = EVERY_SITE) -> Member:
    """Return whose token a request carries, as the member it was made by, no further than it was limited.

    :raises SignedOut: it carries none that is good.
    :raises Forbidden: the token may not do this, or its account may not any more.
    """
    kind, _, value = request.header("HTTP_AUTHORIZATION").partition(" ")
    token = service.store.staff.token(sessions.digest(value.strip())) if kind.lower() == "bearer" and value else None
    now = service.now()
    if token is None or token.ended_at is not None or now >= token.until:
        raise SignedOut("no token, or one that is good no longer: send `Authorization: Bearer`, then a token")
    account = service.store.staff.account(token.account)
    if account is None or account.ended_at is not None:
        raise SignedOut("the account of this token is closed")
    _check_factor(service, account)
    today = now // _DAY * _DAY
    if token.used_at != today:
        service.store.staff.keep_token(replace(token, used_at=today))
    return _checked(service, limited(account, token), right, site)


def check_own_page(request: Request) -> None:
    """Check that a request that changes something comes from a page of our own (OWASP ASVS 3.5.1).

    A browser says so by ``Sec-Fetch-Site``, which no page can set; where it does not, by its ``Origin``.

    :raises Forbidden: it does not, or nobody says.
    """
    told = request.header("HTTP_SEC_FETCH_SITE")
    if told == "same-origin" or (not told and request.header("HTTP_ORIGIN") == sessions.origin_of(request)):
        return
    raise Forbidden("this did not come from a page of the dashboard, so nothing was changed: open it there")


def as_member(account: Account) -> Member:
    """Return an account as a member who may all that it may."""
    return Member(account.id, account.name, account.roles)


def limited(account: Account, token: ApiToken) -> Member:
    """Return an account as a member who may no more than a token was limited to."""
    roles = account.roles
    if EVERY_SITE not in token.sites:
        held = {site: _widest(roles, site) for site in token.sites}
        roles = {site: role for site, role in held.items() if role}
    return Member(account.id, f"{account.name}, {token.name}", roles, token.rights)


def _widest(roles: Mapping[str, Role], site: str) -> Role | None:
    held = [roles[place] for place in (site, EVERY_SITE) if place in roles]
    return max(held, key=lambda role: len(RIGHTS[role]), default=None)


def lasts(service: Service, member: Member) -> bool:
    """Tell whether a member's session is still good: what goes on for long asks now and then."""
    session = service.store.staff.session(member.session)
    return session is not None and not sessions.has_run_out(session, now=service.now())


def _checked(service: Service, member: Member, right: Right | None, site: str) -> Member:
    if right is not None and not member.may(right, site):
        where = "every site" if site == EVERY_SITE else f"site {site[:32]!r}"
        raise Forbidden(f"this needs the right {right.value!r} on {where}: an owner can give it")
    if site != EVERY_SITE:
        service.published(site)
    return member


def _check_factor(service: Service, account: Account) -> None:
    if service.config.sign_in.second_factor is SecondFactor.REQUIRED and not account.totp:
        raise Forbidden("everybody needs a second factor here: switch yours on, on the page of your account")


def _check_not_taken_in(request: Request) -> None:
    """Check that no page of another origin frames, embeds or fetches one of ours with its reader's session.

    A site's own pages may be of the same domain as staff's host, so that no cookie attribute keeps them off.
    """
    if request.header("HTTP_SEC_FETCH_SITE") in _ELSEWHERE and not is_navigation(request):
        raise Forbidden("this answers the dashboard's own pages, and links to it: no page of another origin")


def show_sign_in(request: Request) -> Response:
    """Send a browser to the sign-in, and back afterwards."""
    query = request.header("QUERY_STRING") if request.method == "GET" else ""
    back = f"{request.path}?{query}" if query else request.path
    return see_other(f"/sign-in?next={quote(back, safe='/')}")


def show_refusal(service: Service, request: Request, error: GatekeeperError, status: int) -> Response:
    """Say on a page why something was refused."""
    title = {403: "You may not see this", 404: "There is nothing here"}.get(status, "That did not work")
    values: dict[str, Any] = {"title": title, "error": str(error)}
    return dashboard_page(service, request, "dashboard/refused.html", None, status=status, **values)


def show_not_now(service: Service, request: Request, refused: Response) -> Response:
    """Say on a page that something is not answered now. Nothing is read for it."""
    again = dict(refused.headers).get("Retry-After", "1")
    told = {
        429: f"Too many requests come from this address. Try again in {again} seconds.",
        503: "The service is busy, or its database does not answer. Try again in a moment.",
    }[refused.status]
    page = dashboard_page(
        service, request, "dashboard/refused.html", None, status=refused.status, title="Not just now", error=told
    )
    return page.adding(("Retry-After", again))


def see_other(path: str, *cookies: str) -> Response:
    """Send a browser on to a page of ours."""
    return Response(303, (("Location", path), NO_STORE), cookies=cookies)
