"""Read what a response of the site's server would set: a ``Set-Cookie`` value."""

from email.utils import parsedate_to_datetime


def name_of(set_cookie: str) -> str:
    """Return the name in a ``Set-Cookie`` value."""
    pair = set_cookie.partition(";")[0]
    # RFC 6265bis section 5.6: without an equals sign it is a value without a name.
    return pair.partition("=")[0].strip() if "=" in pair else ""


def removes(set_cookie: str, now: int) -> bool:
    """Tell whether a ``Set-Cookie`` value removes its cookie, which is always welcome."""
    attributes = [part.partition("=") for part in set_cookie.split(";")[1:]]
    found = {key.strip().lower(): value.strip() for key, _, value in attributes}
    if "max-age" in found:
        return found["max-age"].startswith("-") or found["max-age"] == "0"
    try:
        return parsedate_to_datetime(found["expires"]).timestamp() <= now
    except (KeyError, ValueError):
        return False
