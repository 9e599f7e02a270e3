"""Who is in learn mode: a browser of the site's own staff, by a signed cookie. Nobody else is let through by it.

A browser gets the cookie for a code that ``gatekeeper learn`` prints: signed, short-lived, good for one browser. Beside
it stands a second cookie, readable by scripts, which tells the guard and carries nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from . import cookies
from .errors import BadToken
from .sites import Site
from .tokens import Tokens

#: The cookie, and the use that its token is signed for.
LEARN = "gk_learn"
_USE = "learn"
#: The cookie that the guard reads; its value is always ``1``. The server does not look at it.
LEARNING = "gk_learning"
#: How long a browser stays in learn mode, in seconds: a working day.
LEARNS_FOR = 8 * 3600
#: How long a code may be used, in seconds.
CODE_LASTS = 15 * 60
_CODE_USE = "learn.code"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a code says.

    :param nonce: 16 random bytes, by which a code that has been used is known.
    :param until: seconds since the epoch.
    """

    site: str
    nonce: bytes
    until: int


def sign_learner(keys: Sequence[str], site: Site, *, until: int) -> str:
    """Return the value of the cookie that puts a staff browser into learn mode.

    :param until: seconds since the epoch.
    """
    return Tokens(keys, _USE).sign([site.id, until])


def is_learner(keys: Sequence[str], site: Site, header: str, *, now: int) -> bool:
    """Tell whether a ``Cookie`` header holds a learner's cookie of this site that has not run out.

    :param keys: without any, nobody is.
    """
    value = cookies.read_cookie(header, cookies.cookie_name(site, LEARN))
    if not value or not keys:
        return False
    try:
        told = Tokens(keys, _USE).verify(value)
    except BadToken:
        return False
    match told:
        case [site_id, int(until)]:
            return bool(site_id == site.id and now < until)
    return False


def sign_invitation(keys: Sequence[str], invitation: Invitation) -> str:
    """Return the code of an invitation."""
    return Tokens(keys, _CODE_USE).sign([invitation.site, invitation.nonce.hex(), invitation.until])


def read_invitation(keys: Sequence[str], site: Site, code: str, *, now: int) -> Invitation:
    """Return the invitation of a code.

    :raises BadToken: it is not signed, of another site, or too old.
    """
    try:
        site_id, nonce, until = Tokens(keys, _CODE_USE).verify(code.strip())
        invitation = Invitation(site_id, bytes.fromhex(nonce), int(until))
    except (TypeError, ValueError) as error:
        raise BadToken("not a code of ours") from error
    if invitation.site != site.id or now >= invitation.until:
        raise BadToken("of another site, or too old")
    return invitation


def set_learner(site: Site, value: str) -> tuple[str, ...]:
    """Return the ``Set-Cookie`` values that put a browser into learn mode.

    :param value: as :func:`sign_learner` returned it.
    """
    return _set_both(site, value, "1", LEARNS_FOR)


def forget_learner(site: Site) -> tuple[str, ...]:
    """Return the ``Set-Cookie`` values that make it a visitor's browser again."""
    return _set_both(site, "", "", 0)


def _set_both(site: Site, value: str, mark: str, age: int) -> tuple[str, ...]:
    shared = f"; Max-Age={age}{cookies.attributes(site)}"
    return (
        f"{cookies.cookie_name(site, LEARN)}={value}{shared}; HttpOnly",
        f"{cookies.cookie_name(site, LEARNING)}={mark}{shared}",
    )
