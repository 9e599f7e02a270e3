"""Sessions of staff: the cookie that carries one, how it begins, is used and ends.

The cookie holds 256 random bits, and the store only their digest: whoever reads the database signs in as nobody. A
session begins at each sign-in and again after each step that gives more, always with bits of its own; what a browser
sent before is never taken over (OWASP ASVS 7.2.4).
"""

import secrets
from collections.abc import Iterator
from hashlib import sha256

from gatekeeper.core.cookies import read_cookie
from gatekeeper.store.books import Entry, Session
from gatekeeper.web.agents import read_agent
from gatekeeper.web.http import Request
from gatekeeper.web.service import Service

#: How long a session lasts while nobody uses it, and at most (OWASP ASVS 7.3.1, 7.3.2), in seconds.
IDLE = 30 * 60
LASTS = 12 * 3600
#: How long the second factor may take, in seconds.
HALFWAY = 10 * 60
#: A session's last use is kept no finer, in seconds: most requests write nothing.
_TOUCHED = 60
_NAME = "gk_staff"


def is_https(request: Request) -> bool:
    """Tell whether a browser came by https, as far as anybody says so.

    The header is believed from everybody: nobody can set it in somebody else's browser, and who lies in their own
    gets a cookie that does not come back.
    """
    forwarded = request.header("HTTP_X_FORWARDED_PROTO").split(",")[0].strip().lower()
    return (forwarded or request.header("wsgi.url_scheme")) == "https"


def origin_of(request: Request) -> str:
    """Return the origin under which a browser reached us."""
    return f"{'https' if is_https(request) else 'http'}://{request.header('HTTP_HOST').lower()}"


def set_cookie(request: Request, name: str, value: str, *, lasts: int | None = None) -> str:
    """Return the ``Set-Cookie`` value of a cookie of staff: for this host alone, and for no script.

    ``Lax`` and not ``Strict``, under which the first click in a mail would end at the sign-in. No page changes
    anything by being opened, and what does change something is asked where it comes from.

    :param lasts: in seconds; None is until the browser is closed.
    """
    age = "" if lasts is None else f"; Max-Age={lasts}"
    secure = "; Secure" if is_https(request) else ""
    return f"{_full(request, name)}={value}{age}; Path=/; SameSite=Lax{secure}; HttpOnly"


def cookie(request: Request, name: str) -> str:
    """Return the value of a cookie of staff; empty where there is none."""
    return read_cookie(request.header("HTTP_COOKIE"), _full(request, name))


def _full(request: Request, name: str) -> str:
    # The prefix keeps other hosts of the domain from setting it (RFC 6265bis section 4.1.3.2).
    return f"__Host-{name}" if is_https(request) else name


def begin(
    service: Service, request: Request, account: bytes, *, complete: bool = True, entry: Entry | None = None
) -> str:
    """Begin a session in place of the one that the browser has, and return its cookie."""
    now, token = service.now(), secrets.token_urlsafe(32)
    held = cookie(request, _NAME)
    if held:
        service.store.staff.end_session(digest(held))
    service.store.staff.forget_sessions(seen_before=now - IDLE, begun_before=now - LASTS)
    service.store.staff.begin(Session(digest(token), account, now, now, complete, _agent(request)), entry)
    return set_cookie(request, _NAME, token)


def end(service: Service, request: Request, entry: Entry | None = None) -> str:
    """End the session that a browser has, and return the cookie that removes its own."""
    held = cookie(request, _NAME)
    if held:
        service.store.staff.end_session(digest(held), entry)
    return set_cookie(request, _NAME, "", lasts=0)


def session_of(service: Service, request: Request, *, complete: bool = True) -> Session | None:
    """Return the session that a browser has, and note that it is used; None where it has run out.

    :param complete: whether it must be past the second factor; else it must be before it.
    """
    held = cookie(request, _NAME)
    session = service.store.staff.session(digest(held)) if held else None
    now = service.now()
    if session is None or session.complete is not complete or has_run_out(session, now=now):
        return None
    if now - session.seen_at >= _TOUCHED and complete:
        service.store.staff.touch(session.digest, at=now)
    return session


def has_run_out(session: Session, *, now: int) -> bool:
    """Tell whether a session is good no longer."""
    if not session.complete:
        return now - session.begun_at >= HALFWAY
    return now - session.seen_at >= IDLE or now - session.begun_at >= LASTS


def lasting(service: Service, account: bytes) -> Iterator[Session]:
    """Yield an account's sessions that are good, the last used first."""
    for session in service.store.staff.sessions(account):
        if session.complete and not has_run_out(session, now=service.now()):
            yield session


def digest(token: str) -> bytes:
    """Return what is kept of a session's cookie or a token."""
    return sha256(token.encode("utf-8", "replace")).digest()


def _agent(request: Request) -> str:
    agent = read_agent(request.header("HTTP_USER_AGENT"))
    return f"{agent.browser}, {agent.system}"
