"""The two cookies: their names, attributes, and how long they stay.

Everything follows from the site's declared origins, never from a request.
"""

from .decisions import DAY
from .sites import Scope, Site

CHOICE = "gk_choice"
SUBJECT = "gk_subject"
#: How both begin, after their prefix.
OURS = "gk_"


def cookie_name(site: Site, name: str) -> str:
    """Return a cookie's full name. The prefix makes browsers enforce its attributes (RFC 6265bis section 4.1.3)."""
    if not site.secure:
        return name
    return f"__Host-{name}" if site.scope is Scope.HOST else f"__Secure-{name}"


def is_ours(name: str) -> bool:
    """Tell whether a cookie is Gatekeeper's own, whatever the prefix of its name."""
    return name.removeprefix("__Host-").removeprefix("__Secure-").startswith(OURS)


def attributes(site: Site) -> str:
    """Return the attributes that both cookies share, with their leading semicolon."""
    domain = f"; Domain={site.domain}" if site.scope is Scope.DOMAIN else ""
    secure = "; Secure" if site.secure else ""
    return f"; Path=/; SameSite=Lax{domain}{secure}"


def set_choice(site: Site, value: str) -> str:
    """Return the ``Set-Cookie`` value that keeps a choice, readable by the script."""
    return f"{cookie_name(site, CHOICE)}={value}; Max-Age={site.choice_days * DAY}{attributes(site)}"


def set_subject(site: Site, token: str) -> str:
    """Return the ``Set-Cookie`` value that recognises a consenting visitor, hidden from scripts."""
    return f"{cookie_name(site, SUBJECT)}={token}; Max-Age={site.choice_days * DAY}{attributes(site)}; HttpOnly"


def forget_subject(site: Site) -> str:
    """Return the ``Set-Cookie`` value that removes the subject cookie."""
    return f"{cookie_name(site, SUBJECT)}=; Max-Age=0{attributes(site)}; HttpOnly"


def read_ours(site: Site, header: str) -> tuple[str, str]:
    """Return the values of the choice and of the subject from a ``Cookie`` header, empty where they are absent."""
    if OURS not in header:
        return "", ""
    return read_cookie(header, cookie_name(site, CHOICE)), read_cookie(header, cookie_name(site, SUBJECT))


def read_cookie(header: str, name: str) -> str:
    """Return a cookie's value from a ``Cookie`` header, empty where it is absent.

    Where a name comes twice, the first counts: browsers send the longest path first, and ours have the shortest.
    """
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""
