"""Make what is kept about a page, a referrer or an address as small as its use allows.

Paths carry names, numbers and tokens that nobody meant to log. What looks like one is masked before it is stored
(source policy, "Sensitive information"; GDPR Art. 25).
"""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from .sites import Ip

MAX_PATH = 512
MAX_LANGUAGE = 35  # RFC 5646 section 4.4.1
MAX_WORDS = 100
MAX_HOST = 253  # RFC 1035 section 2.3.4
#: A site has few paths, and its visitors come back: what was minimised before is not minimised again.
_REMEMBERED = 1024

_EMAIL = re.compile(r"[^@\s]@[^@\s]+\.[^@\s.]")  # enough to find one; matching all of it takes quadratic time
_UUID = re.compile(r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_PHONE = re.compile(r"\+?[0-9(][0-9 ()./-]{5,}[0-9]")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9](?:-[0-3][0-9])?")
_TOKEN = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[A-Za-z0-9_~=.-]{20,}|[0-9A-Fa-f]{16,}|[A-Za-z0-9_=-]{32,}")
# In free text digits stand in groups, and may be of any script.
_DIGITS_IN_TEXT = re.compile(r"\+?\d(?:[\s()./-]{0,3}\d){6,}")
_DATE_IN_TEXT = re.compile(r"(?:19|20)\d\d-[01]\d(?:-[0-3]\d)?|[0-3]?\d[./][01]?\d[./](?:19|20)\d\d")
_CARD_DIGITS = range(13, 20)  # ISO/IEC 7812-1
_WORDS = re.compile(r"[a-z]+(?:-[a-z0-9]+){2,}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@lru_cache(maxsize=_REMEMBERED)
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


def clean_words(text: str) -> str:
    """Return what somebody typed, such as a search, with what looks personal masked, in lower case and on one line."""
    words = unicodedata.normalize("NFKC", text[: 4 * MAX_WORDS]).lower().split()
    seen = ("".join(letter for letter in word if letter.isprintable()) for word in words)
    masked = _DIGITS_IN_TEXT.sub(_mask_digits, " ".join(_mask_word(word) for word in seen if word))
    return masked[:MAX_WORDS].strip()


def _mask_digits(found: re.Match[str]) -> str:
    text = found.group()
    if _DATE_IN_TEXT.fullmatch(text):
        return text
    digits = [int(letter) for letter in text if letter.isdecimal()]
    return ":card" if len(digits) in _CARD_DIGITS and _is_luhn(digits) else ":number"


def _is_luhn(digits: list[int]) -> bool:
    """Tell whether the last digit checks the others (ISO/IEC 7812-1, annex B), as that of a payment card does."""
    doubled = [sum(divmod(2 * digit, 10)) if odd else digit for odd, digit in _from_the_right(digits)]
    return sum(doubled) % 10 == 0


def _from_the_right(digits: list[int]) -> list[tuple[int, int]]:
    return [(index % 2, digit) for index, digit in enumerate(reversed(digits))]


def _mask_word(word: str) -> str:
    if "@" in word.strip("@"):
        return ":email"
    if _UUID.search(word):
        return ":id"
    # What is all digits may be a date or a card.
    token = _TOKEN.fullmatch(word) and not _WORDS.fullmatch(word) and any(letter.isalpha() for letter in word)
    return ":token" if token else word


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
    return clean_host(host)


def clean_host(host: str) -> str:
    """Return a host as it is kept."""
    return _CONTROL.sub("", host.lower())[:MAX_HOST]


def first_language(header: str) -> str:
    """Return the first language of an ``Accept-Language`` header, empty where there is none."""
    first = header.split(",", 1)[0].split(";", 1)[0].strip()
    return first if len(first) <= MAX_LANGUAGE and _LANGUAGE.fullmatch(first) else ""


@lru_cache(maxsize=_REMEMBERED)
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
