"""Make what is kept about a page, a referrer or an address as small as its use allows.

Paths carry names, numbers and tokens that nobody meant to log. What looks like one is masked before it is stored
(source policy, "Sensitive information"; GDPR Art. 25).
"""

import ipaddress
import re
from urllib.parse import unquote, urlsplit

from .sites import Ip

MAX_PATH = 512
MAX_LANGUAGE = 35  # RFC 5646 section 4.4.1

_EMAIL = re.compile(r"[^@\s]@[^@\s]+\.[^@\s.]")  # enough to find one; matching all of it takes quadratic time
_UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]{5,}[0-9]")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9](?:-[0-3][0-9])?")
_TOKEN = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_~=.-]{20,}|[0-9A-Fa-f]{16,}|[A-Za-z0-9_=-]{32,}")
_WORDS = re.compile(r"[a-z]+(?:-[a-z0-9]+){2,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def clean_path(path: str) -> str:
    """Return a page's path without query, fragment and parameters, with what looks personal masked.

    :param path: percent-encoded, as it stands in a URL; only its path is looked at. An encoded ``?`` or ``/`` counts
        as one: whoever wrote it meant a query or a segment more often than not.
    """
    decoded = _CONTROL.sub("", unquote(_path_only(path[: 4 * MAX_PATH])))
    segments = [_mask(segment.split(";", 1)[0]) for segment in _path_only(decoded).split("/")]
    joined = "/".join(segments)[:MAX_PATH]
    return joined if joined.startswith("/") else f"/{joined}"


def _path_only(text: str) -> str:
    return re.split(r"[?#]", text, maxsplit=1)[0]


def _mask(segment: str) -> str:
    if _EMAIL.search(segment):
        return ":email"
    if _UUID.search(segment):
        return ":id"
    if _PHONE.fullmatch(segment) and not _DATE.fullmatch(segment):
        return ":number"
    if _TOKEN.fullmatch(segment) and not _WORDS.fullmatch(segment):
        return ":token"
    return segment


def url_path(url: str) -> str:
    """Return the clean path of a URL, such as a ``Referer``; an empty string where it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return clean_path(parts.path or "/") if parts.scheme in {"http", "https"} else ""


def referrer_host(url: str, own_hosts: frozenset[str]) -> str:
    """Return the host a visitor came from, empty for the site's own hosts and for anything but a web address."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or host in own_hosts:
        return ""
    return _CONTROL.sub("", host)[:253]


def first_language(header: str) -> str:
    """Return the first language of an ``Accept-Language`` header, empty where there is none."""
    first = header.split(",", 1)[0].split(";", 1)[0].strip()
    return first if len(first) <= MAX_LANGUAGE and _LANGUAGE.fullmatch(first) else ""


def keep_address(address: str, kept: Ip) -> str:
    """Return as much of an IP address as a site keeps: all, its /24 or /48 network, or nothing."""
    if kept is Ip.NONE:
        return ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if kept is Ip.FULL:
        return str(parsed)
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False))
