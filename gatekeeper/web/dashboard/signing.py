"""Signing in and out: password, second factor, a provider's own sign-in.

Whoever guesses learns nothing: a wrong password, an address without account, a closed account and one that has to
wait get the same page after the same work (OWASP ASVS 6.3.8). A browser that has signed in before is not made to wait
by what others guess, so that nobody can be locked out by their address alone.
"""

import hmac
import re
import secrets
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote

from gatekeeper.core.errors import BadToken
from gatekeeper.core.sign_in import Provider
from gatekeeper.core.tokens import Tokens
from gatekeeper.store.books import Account, Session
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response, first_of
from gatekeeper.web.pages import form_fields
from gatekeeper.web.service import Service

from . import accounts, factors, passwords, sessions
from .audit import entry_of, note
from .members import as_member, check_own_page, see_other
from .page import dashboard_page

_WRONG = (
    "This address and this password do not open anything. After several failures a browser that has not signed in "
    "before has to wait, up to a quarter of an hour."
)
_WRONG_CODE = "This code is wrong, too old or used already. Each is good once: wait for the next."
_HOME = "/dashboard/"
#: Where a sign-in may lead: to our own pages, never to another host.
_OWN = re.compile(r"/dashboard/[!-\[\]-~]*")
#: How often the code may be wrong before the password is asked again.
_TRIES = 5
_KNOWN = "gk_known"
#: What a browser was sent to the provider with.
_ASKED = "gk_provider"
_KNOWN_FOR = 180 * 86_400


def show_sign_in(service: Service, request: Request) -> Response:
    """Show the form."""
    back = _back(parse_qs(request.header("QUERY_STRING")))
    if sessions.session_of(service, request):
        return see_other(back)
    return _form(service, request, back)


def sign_in(service: Service, request: Request) -> Response:
    """Check the password."""
    check_own_page(request)
    fields = form_fields(request)
    email, password = (first_of(fields, name) for name in ("email", "password"))
    account = service.store.staff.find(email.strip().lower())
    if account and not _may_try(service, request, account):
        account = None
    if not passwords.fits(account.password if account else "", password) or account is None:
        _count_failure(service, account)
        return _form(service, request, _back(fields), error=_WRONG, email=email, status=403)
    return _go_on(service, request, account, _back(fields), "password")


def show_code(service: Service, request: Request) -> Response:
    """Ask for the second factor."""
    back = _back(parse_qs(request.header("QUERY_STRING")))
    if sessions.session_of(service, request, complete=False) is None:
        return see_other(f"/sign-in?next={quote(back, safe='/')}")
    return _code_form(service, request, back)


def check_code(service: Service, request: Request) -> Response:
    """Check the second factor."""
    check_own_page(request)
    fields = form_fields(request)
    session = sessions.session_of(service, request, complete=False)
    account = service.store.staff.account(session.account) if session else None
    if session is None or account is None or not accounts.is_open(account) or not _has_a_try(service, session):
        return see_other(f"/sign-in?next={quote(_back(fields), safe='/')}", sessions.end(service, request))
    how = use_code(service, account, first_of(fields, "code"))
    if not how:
        accounts.fail(
            service.store.staff, account, entry_of(service, as_member(account), "sign-in.refused", detail="code")
        )
        return _code_form(service, request, _back(fields), error=_WRONG_CODE, status=403)
    return _enter(service, request, account, _back(fields), f"with a {how}")


def sign_out(service: Service, request: Request) -> Response:
    """End the session."""
    entry = entry_of(service, request.member, "session.ended", detail="signed out")
    return see_other("/sign-in", sessions.end(service, request, entry))


def show_invitation(service: Service, request: Request) -> Response:
    """Show the form by which somebody who is invited sets a password."""
    return _invitation_form(service, request)


def take_invitation(service: Service, request: Request) -> Response:
    """Take a code and set the password."""
    check_own_page(request)
    fields = form_fields(request)
    email, code, password, again = (first_of(fields, name) for name in ("email", "code", "password", "again"))
    account = service.store.staff.find(email.strip().lower())
    invited = account is not None and passwords.code_fits(account.password, code, now=service.now())
    if account is None or not invited or not accounts.is_open(account):
        note(service, None, "sign-in.refused", detail="invitation")
        told = "This address and this code do not belong together, or the code is used or too old. Ask for a new one."
        return _invitation_form(service, request, error=told, email=email, status=403)
    wrong = "The two passwords differ." if password != again else weakness_for(account, password)
    if wrong:
        return _invitation_form(service, request, error=wrong, email=email, code=code, status=400)
    kept, before = passwords.keep_password(password), account.password
    entry = entry_of(service, as_member(account), "account.password", about=account.id.hex(), detail="by invitation")
    used = _use_once(service, "code", account.id, before, lasts=passwords.INVITED_FOR)
    if not used:
        return see_other("/sign-in")
    accounts.change(service.store.staff, account.id, lambda held: replace(held, password=kept, failures=0), entry)
    return see_other("/sign-in")


def begin_oidc(service: Service, request: Request) -> Response:
    """Send the browser to the provider."""
    from . import provider

    asked = _provider(service)
    back = _back(parse_qs(request.header("QUERY_STRING")))
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    try:
        place = provider.way_to(asked, back=_way_back(request), state=state, nonce=nonce, verifier=verifier)
    except provider.Unvouched as error:
        return _form(service, request, back, error=f"{asked.name}: {error}.", status=503)
    kept = Tokens(service.config.keys, "provider").sign(
        [state, nonce, verifier, back, service.now() + sessions.HALFWAY]
    )
    return see_other(place, sessions.set_cookie(request, _ASKED, kept, lasts=sessions.HALFWAY))


def end_oidc(service: Service, request: Request) -> Response:
    """Take what the provider says: it opens accounts that are there, by an address that it has verified."""
    from . import provider

    asked = _provider(service)
    told = {name: values[0] for name, values in parse_qs(request.header("QUERY_STRING")).items()}
    state, nonce, verifier, back = _begun(service, request)
    forget = sessions.set_cookie(request, _ASKED, "", lasts=0)
    try:
        if not state or not hmac.compare_digest(state.encode(), told.get("state", "").encode()):
            raise provider.Unvouched("this sign-in was not begun in this browser, or long ago")
        if told.get("iss", asked.issuer).rstrip("/") != asked.issuer or "code" not in told:
            raise provider.Unvouched(f"the sign-in was broken off ({told.get('error', 'no code')[:40]})")
        email = provider.who(
            asked,
            service.config.path.parent,
            told["code"],
            back=_way_back(request),
            nonce=nonce,
            verifier=verifier,
            now=service.now(),
        )
        account = service.store.staff.find(email.strip().lower())
        if account is None or not accounts.is_open(account):
            raise provider.Unvouched("nobody has an account with the address that was vouched for: ask an owner")
    except provider.Unvouched as error:
        note(service, None, "sign-in.refused", detail="provider")
        page = _form(service, request, back, error=f"{asked.name}: {error}.", status=403)
        return replace(page, cookies=(forget,))
    entered = _go_on(service, request, account, back, "provider")
    return replace(entered, cookies=(*entered.cookies, forget))


def _provider(service: Service) -> Provider:
    found = service.config.sign_in.provider
    if found is None:
        raise NotFound("no provider signs staff in: [staff.oidc] in gatekeeper.toml names one")
    return found


def _way_back(request: Request) -> str:
    return f"{sessions.origin_of(request)}/sign-in/back"


def _begun(service: Service, request: Request) -> tuple[str, str, str, str]:
    """Return what a browser was sent to the provider with; empty where it was not, or too long ago."""
    try:
        told = Tokens(service.config.keys, "provider").verify(sessions.cookie(request, _ASKED))
    except BadToken:
        told = None
    match told:
        case [str(state), str(nonce), str(verifier), str(back), int(until)] if service.now() < until:
            return state, nonce, verifier, back
    return "", "", "", _HOME


def weakness_for(account: Account, password: str) -> str:
    """Return why somebody's password is not taken; empty where it is."""
    return passwords.weakness(password, about=[account.email, account.name, *re.split(r"\W+", account.email)])


def use_code(service: Service, account: Account, code: str) -> str:
    """Use a code of the second factor; return what it was, or nothing where it is not good."""
    now = service.now()
    step = factors.step_of(factors.unseal(service.config.keys, account.id, account.totp), code, now=now)
    if step is not None and use_step(service, account.id, step):
        _seal_anew(service, account)
        return "code"
    hashed = factors.hash_recovery(code)
    if hashed not in account.recovery or not _use_once(service, "recovery", account.id, hashed, lasts=3600):
        return ""
    told = f"a code was used, {len(account.recovery) - 1} are left"
    entry = entry_of(service, as_member(account), "account.recovery", about=account.id.hex(), detail=told)

    def without(held: Account) -> Account:
        return replace(held, recovery=tuple(each for each in held.recovery if each != hashed))

    accounts.change(service.store.staff, account.id, without, entry)
    return "recovery code"


def _seal_anew(service: Service, account: Account) -> None:
    """Seal a secret under the newest key, so that the one from before may go."""
    keys = service.config.keys
    if factors.unseal(keys[-1:], account.id, account.totp):
        return
    sealed = factors.seal(keys, account.id, factors.unseal(keys, account.id, account.totp))

    def anew(held: Account) -> Account:
        return replace(held, totp=sealed) if held.totp == account.totp else held

    accounts.change(service.store.staff, account.id, anew)


def use_step(service: Service, account: bytes, step: int) -> bool:
    """Use up the code of a step; tell whether nobody had."""
    return _use_once(service, "totp", account, str(step), lasts=4 * factors.STEP)


def _may_try(service: Service, request: Request, account: Account) -> bool:
    if not accounts.is_open(account):
        return False
    return _is_known(service, request, account) or not accounts.waits(account, now=service.now())


def _count_failure(service: Service, account: Account | None) -> None:
    # One entry either way: what is written would tell those who measure.
    member = as_member(account) if account else None
    entry = entry_of(service, member, "sign-in.refused", detail="password")
    if account is None:
        service.store.staff.note(entry)
    else:
        accounts.fail(service.store.staff, account, entry)


def _has_a_try(service: Service, session: Session) -> bool:
    tries = (f"{session.digest.hex()} {n}" for n in range(_TRIES))
    return any(_use_once(service, "try", session.account, one, lasts=sessions.HALFWAY) for one in tries)


def _use_once(service: Service, use: str, account: bytes, what: str, *, lasts: int) -> bool:
    now = service.now()
    return accounts.use_once(service.store, use, account, what, now=now, until=now + lasts)


def _go_on(service: Service, request: Request, account: Account, back: str, how: str) -> Response:
    """Ask for the second factor where there is one; else let somebody in."""
    if not account.totp:
        return _enter(service, request, account, back, how)
    cookie = sessions.begin(service, request, account.id, complete=False)
    return see_other(f"/sign-in/code?next={quote(back, safe='/')}", cookie)


def _enter(service: Service, request: Request, account: Account, back: str, how: str) -> Response:
    """Let somebody in, who has shown everything that is asked."""
    if account.failures:
        accounts.change(service.store.staff, account.id, lambda held: replace(held, failures=0, failed_at=0))
    entry = entry_of(service, as_member(account), "session.begun", detail=how)
    cookie = sessions.begin(service, request, account.id, entry=entry)
    value = Tokens(service.config.keys, "known").sign([account.id.hex(), service.now() + _KNOWN_FOR])
    return see_other(back, cookie, sessions.set_cookie(request, _KNOWN, value, lasts=_KNOWN_FOR))


def _is_known(service: Service, request: Request, account: Account) -> bool:
    try:
        told = Tokens(service.config.keys, "known").verify(sessions.cookie(request, _KNOWN))
    except BadToken:
        return False
    match told:
        case [id, int(until)]:
            return bool(id == account.id.hex() and service.now() < until)
    return False


def _back(fields: dict[str, list[str]]) -> str:
    path = first_of(fields, "next")
    return path if _OWN.fullmatch(path) else _HOME


def _form(
    service: Service, request: Request, back: str, *, error: str = "", email: str = "", status: int = 200
) -> Response:
    provider = service.config.sign_in.provider
    values: dict[str, Any] = {"title": "Sign in", "back": back, "error": error, "email": email}
    values["provider"] = provider.name if provider else ""
    return dashboard_page(service, request, "dashboard/sign-in.html", None, status=status, **values)


def _code_form(service: Service, request: Request, back: str, *, error: str = "", status: int = 200) -> Response:
    values: dict[str, Any] = {"title": "One more step", "back": back, "error": error}
    return dashboard_page(service, request, "dashboard/code.html", None, status=status, **values)


def _invitation_form(
    service: Service, request: Request, *, error: str = "", email: str = "", code: str = "", status: int = 200
) -> Response:
    values: dict[str, Any] = {"title": "Set your password", "error": error, "email": email, "code": code}
    values["shortest"] = passwords.SHORTEST
    return dashboard_page(service, request, "dashboard/invitation.html", None, status=status, **values)
