"""One's own account: password, second factor, sessions, tokens."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.staff import EVERY_SITE, Right
from gatekeeper.store.books import Account, ApiToken
from gatekeeper.web.errors import NotFound
from gatekeeper.web.http import Request, Response, first_of
from gatekeeper.web.ids import random_id
from gatekeeper.web.pages import form_fields
from gatekeeper.web.service import Service

from . import accounts, factors, passwords, sessions
from .audit import entry_of, moment
from .members import see_other
from .page import dashboard_page
from .signing import use_step, weakness_for

_PAGE = "/dashboard/account"
_DAY = 86_400
#: What the API can be asked for at all.
TOKEN_RIGHTS = (Right.SEE, Right.EXPORT, Right.SEE_AUDIT)
#: How long tokens may be good, in days.
TOKEN_DAYS = (7, 30, 90, 365)
#: With it in front, whoever finds one knows what it opens, and scanners of published code know it for a secret.
_TOKEN = "gk_api_"  # noqa: S105
_MAX_TOKENS = 50
_DONE = MappingProxyType(
    {
        "password": "The password is changed. All else that you were signed in to has ended, and so have your tokens.",
        "factor": "The second factor is off.",
        "ended": "Ended.",
        "revoked": "The token is revoked: it opens nothing any more.",
    }
)

_Fields = Mapping[str, list[str]]


def show(service: Service, request: Request) -> Response:
    """Show the account."""
    done = first_of(parse_qs(request.header("QUERY_STRING")), "done")
    return _page(service, request, said=_DONE.get(done, ""))


def change(service: Service, request: Request) -> Response:
    """Change something of it."""
    fields = form_fields(request)
    action = _ACTIONS.get(first_of(fields, "do"))
    if action is None:
        raise InvalidInput(f"{first_of(fields, 'do')[:32]!r} is not one of {', '.join(_ACTIONS)}")
    try:
        return action(service, request, fields)
    except InvalidInput as error:
        return _page(service, request, error=str(error), status=400)


def _change_password(service: Service, request: Request, fields: _Fields) -> Response:
    account = _checked(service, request, fields)
    password = first_of(fields, "new")
    if password != first_of(fields, "again"):
        raise InvalidInput("The two new passwords differ. Nothing was changed.")
    if password == first_of(fields, "password"):
        raise InvalidInput("This is the password that you have. Nothing was changed.")
    weak = weakness_for(account, password)
    if weak:
        raise InvalidInput(f"The new password is not taken. {weak}")
    kept = passwords.keep_password(password)
    entry = entry_of(service, request.member, "account.password", about=account.id.hex(), detail="by its member")
    accounts.change(service.store.staff, account.id, lambda held: replace(held, password=kept), entry)
    return _again(service, request, "password")


def _offer_factor(service: Service, request: Request, fields: _Fields) -> Response:
    account = _checked(service, request, fields)
    secret = factors.new_secret()
    return _page(service, request, offer=_offer(service, request, account, secret))


def _offer(service: Service, request: Request, account: Account, secret: str) -> dict[str, Any]:
    # The form carries it sealed: only whoever gave the password has one, and it opens for this account alone.
    host = request.header("HTTP_HOST").partition(":")[0]
    size, path = factors.picture_of(factors.address_of(secret, account.email, host))
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    sealed = factors.seal(service.config.keys, account.id, secret)
    return {"size": size, "path": path, "secret": groups, "sealed": sealed}


def _take_factor(service: Service, request: Request, fields: _Fields) -> Response:
    account = _own(service, request)
    sealed = first_of(fields, "sealed")
    secret = factors.unseal(service.config.keys, account.id, sealed)
    if not secret or account.totp:
        raise InvalidInput("This form is too old: begin again.")
    step = factors.step_of(secret, first_of(fields, "code"), now=service.now())
    if step is None or not use_step(service, account.id, step):
        told = "This code is wrong. Does the clock of your telephone run right? Wait for the next code and enter it."
        return _page(service, request, offer=_offer(service, request, account, secret), error=told, status=400)
    codes = factors.new_recovery()
    hashed = tuple(factors.hash_recovery(code) for code in codes)
    entry = entry_of(service, request.member, "account.factor", about=account.id.hex(), detail="switched on")
    accounts.change(service.store.staff, account.id, lambda held: replace(held, totp=sealed, recovery=hashed), entry)
    cookie = _begin_again(service, request)
    return _page(service, request, codes=codes, said="The second factor is on.", cookies=(cookie,))


def _drop_factor(service: Service, request: Request, fields: _Fields) -> Response:
    account = _checked(service, request, fields)
    entry = entry_of(service, request.member, "account.factor", about=account.id.hex(), detail="switched off")
    accounts.change(service.store.staff, account.id, lambda held: replace(held, totp="", recovery=()), entry)
    return _again(service, request, "factor")


def _make_codes(service: Service, request: Request, fields: _Fields) -> Response:
    account = _checked(service, request, fields)
    if not account.totp:
        raise InvalidInput("Recovery codes stand in for the second factor: switch it on first.")
    codes = factors.new_recovery()
    hashed = tuple(factors.hash_recovery(code) for code in codes)
    entry = entry_of(service, request.member, "account.recovery", about=account.id.hex(), detail="new codes were made")
    accounts.change(service.store.staff, account.id, lambda held: replace(held, recovery=hashed), entry)
    return _page(service, request, codes=codes)


def _end_session(service: Service, request: Request, fields: _Fields) -> Response:
    named = first_of(fields, "session")
    held = [session.digest for session in sessions.lasting(service, request.member.account)]
    found = next((digest for digest in held if digest.hex() == named), None)
    if found is None:
        raise InvalidInput("This session has ended already.")
    service.store.staff.end_session(
        found, entry_of(service, request.member, "session.ended", detail="one of one's own")
    )
    return see_other(f"{_PAGE}?done=ended")


def _end_others(service: Service, request: Request, fields: _Fields) -> Response:
    entry = entry_of(service, request.member, "session.ended", detail="all others of one's own")
    service.store.staff.end_sessions(request.member.account, but=request.member.session, entry=entry)
    return see_other(f"{_PAGE}?done=ended")


def _make_token(service: Service, request: Request, fields: _Fields) -> Response:
    account = _checked(service, request, fields)
    name = " ".join(first_of(fields, "name").split())
    if not name or len(name) > 80 or not name.isprintable():
        raise InvalidInput("Say in 1 to 80 characters what the token is for.")
    days = first_of(fields, "days")
    if days not in map(str, TOKEN_DAYS):
        raise InvalidInput(f"{days[:16]!r} is not one of {', '.join(map(str, TOKEN_DAYS))} days.")
    sites, rights = _token_sites(service, fields), _token_rights(fields)
    for site in sites:
        for right in rights:
            if not request.member.may(right, site):
                raise InvalidInput(f"You do not have the right {right.value!r} on {site!r}, so no token of yours has.")
    if (
        len([token for token in service.store.staff.tokens(account.id) if _is_good(token, service.now())])
        >= _MAX_TOKENS
    ):
        raise InvalidInput(f"You have {_MAX_TOKENS} tokens: revoke one first.")
    value, now = _TOKEN + secrets.token_urlsafe(32), service.now()
    token = ApiToken(
        random_id(), sessions.digest(value), account.id, name, frozenset(rights), sites, now, now + int(days) * _DAY
    )
    told = f"{name}: {', '.join(rights)} on {', '.join(sites)}, for {days} days"
    entry = entry_of(service, request.member, "token.made", about=token.id.hex(), detail=told)
    service.store.staff.keep_token(token, entry)
    return _page(service, request, token=value)


def _token_sites(service: Service, fields: _Fields) -> tuple[str, ...]:
    sites = tuple(dict.fromkeys(fields.get("site", [])))
    accounts.check_sites(sites, service.config.sites)
    if not sites:
        raise InvalidInput("Choose a site that the token is good for.")
    return (EVERY_SITE,) if EVERY_SITE in sites else sites


def _token_rights(fields: _Fields) -> list[Right]:
    rights = [right for right in TOKEN_RIGHTS if right.value in fields.get("right", [])]
    if not rights:
        raise InvalidInput("Choose what the token may do.")
    return rights


def _end_token(service: Service, request: Request, fields: _Fields) -> Response:
    named = first_of(fields, "token")
    tokens = service.store.staff.tokens(request.member.account)
    token = next((one for one in tokens if one.id.hex() == named and one.ended_at is None), None)
    if token is None:
        raise InvalidInput("This token is revoked already.")
    entry = entry_of(service, request.member, "token.revoked", about=token.id.hex(), detail=token.name)
    service.store.staff.keep_token(replace(token, ended_at=service.now()), entry)
    return see_other(f"{_PAGE}?done=revoked")


#: What the forms of the page do. What gives or takes away a way in asks for the password (OWASP ASVS 7.5.1).
_ACTIONS: Mapping[str, Callable[[Service, Request, _Fields], Response]] = MappingProxyType(
    {
        "password": _change_password,
        "offer-factor": _offer_factor,
        "take-factor": _take_factor,
        "drop-factor": _drop_factor,
        "codes": _make_codes,
        "end-session": _end_session,
        "end-others": _end_others,
        "make-token": _make_token,
        "end-token": _end_token,
    }
)


def _checked(service: Service, request: Request, fields: _Fields) -> Account:
    """Return whose page it is, where the form has their password. Guesses count as those at the sign-in do."""
    account = _own(service, request)
    waits = accounts.waits(account, now=service.now())
    if waits or not passwords.fits(account.password, first_of(fields, "password")):
        if not waits:
            entry = entry_of(service, request.member, "sign-in.refused", detail="password on the account's page")
            accounts.fail(service.store.staff, account, entry)
        raise InvalidInput("This is not your password, or there were too many attempts: wait. Nothing was changed.")
    return account


def _own(service: Service, request: Request) -> Account:
    account = service.store.staff.account(request.member.account)
    if account is None:
        raise NotFound("this account is gone")
    return account


def _again(service: Service, request: Request, done: str) -> Response:
    return see_other(f"{_PAGE}?done={done}", _begin_again(service, request))


def _begin_again(service: Service, request: Request) -> str:
    """End everything that one is signed in to, and begin anew: a session from before is worth nothing now."""
    service.store.staff.end_sessions(request.member.account)
    cookie = sessions.begin(service, request, request.member.account)
    held = next(sessions.lasting(service, request.member.account), None)
    request.member = replace(request.member, session=held.digest if held else b"")
    return cookie


def _is_good(token: ApiToken, now: int) -> bool:
    return token.ended_at is None and now < token.until


def _page(
    service: Service,
    request: Request,
    *,
    error: str = "",
    said: str = "",
    status: int = 200,
    offer: Mapping[str, Any] | None = None,
    codes: list[str] | None = None,
    token: str = "",
    cookies: tuple[str, ...] = (),
) -> Response:
    """Return the page.

    :param offer: a second factor that is not switched on yet.
    :param codes: recovery codes; shown this once.
    :param token: a new token; shown this once.
    """
    account, member, now = _own(service, request), request.member, service.now()
    sites = [EVERY_SITE] if member.may(Right.SEE) else []
    values: dict[str, Any] = {
        "title": "Your account",
        "account": account,
        "roles": accounts.say_roles(account.roles),
        "shortest": passwords.SHORTEST,
        "recovery": len(account.recovery),
        "sessions": [
            (one.digest.hex(), one.agent, moment(one.begun_at), moment(one.seen_at), one.digest == member.session)
            for one in sessions.lasting(service, account.id)
        ],
        "tokens": [
            (one.id.hex(), one.name, one.rights, one.sites, moment(one.until)[:10], _used(one))
            for one in service.store.staff.tokens(account.id)
            if _is_good(one, now)
        ],
        "token_sites": [*sites, *member.sites(service.config.sites)],
        "token_rights": [right for right in TOKEN_RIGHTS if _anywhere(service, request, right)],
        "token_days": TOKEN_DAYS,
        "error": error,
        "said": said,
        "offer": offer,
        "codes": codes,
        "token": token,
    }
    page = dashboard_page(service, request, "dashboard/account.html", None, status=status, **values)
    return replace(page, cookies=cookies)


def _anywhere(service: Service, request: Request, right: Right) -> bool:
    return any(request.member.may(right, site) for site in [EVERY_SITE, *service.config.sites])


def _used(token: ApiToken) -> str:
    return moment(token.used_at)[:10] if token.used_at is not None else "never"
