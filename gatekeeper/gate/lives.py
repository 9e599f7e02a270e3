"""How long cookies of trackers live: as long as visitors were told, at most 13 months, counted from the first visit.

CNIL, deliberation of 4 July 2025: a tracker's life is limited, and is not prolonged by new visits.
"""

from email.utils import parsedate_to_datetime

from gatekeeper.core.sites import MAX_CHOICE_DAYS

DAY = 86_400


def limited(set_cookie: str, days: int, carried: str | None, now: int) -> str | None:
    """Return a ``Set-Cookie`` value as it may be sent; None where it would only prolong a life.

    :param days: how long the cookie may stay; 0 means until the browser closes.
    :param carried: the value that the request carried of this cookie, if any. A server does not see for how long it
        has been there, so one that is set to what it is already is left alone.
    :param now: seconds since the epoch.
    """
    pair, *attributes = set_cookie.split(";")
    if carried is not None and pair.partition("=")[2].strip() == carried:
        return None
    longest = min(days, MAX_CHOICE_DAYS) * DAY
    asked = _seconds(attributes, now)
    if asked is None or 0 < asked <= longest:
        return set_cookie
    others = [each for each in attributes if _name(each) not in {"max-age", "expires"}]
    return ";".join([pair, *others, *([f" Max-Age={longest}"] if longest else [])])


def _seconds(attributes: list[str], now: int) -> float | None:
    """Return for how long a cookie would stay; None where until the browser closes."""
    # RFC 6265 section 5.3: Max-Age wins over Expires.
    found = {_name(each): each.partition("=")[2].strip() for each in attributes}
    age = found.get("max-age", "")
    if age.isascii() and age.isdecimal():
        return float(age[:12])
    try:
        return parsedate_to_datetime(found["expires"]).timestamp() - now
    except (KeyError, ValueError):
        return None if "expires" not in found else float("inf")


def _name(attribute: str) -> str:
    return attribute.partition("=")[0].strip().lower()
