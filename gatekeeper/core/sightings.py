"""Sightings: hosts and names that staff browsers met on the site's pages and that nothing declares.

As little is kept of each as a proposal needs: no query, and nothing that looks personal.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from .cookies import is_ours
from .minimise import clean_path
from .policy import own_hosts
from .sites import Site

MAX_NAME = 128

# As gatekeeper.toml takes it, without a pattern.
_HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:[0-9]{1,5})?")
_USUAL_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}
# No @, which addresses have, and no *, which means more than itself.
_NAME = re.compile(r"[!#$%&'()+,./0-9:<=>?A-Z\[\]^_`a-z{|}~-]+")
# A part of a name that may be somebody's: a long number, or what looks like a hash.
_ODD = re.compile(r".*[0-9]{5}|(?=.*[0-9])[0-9A-Fa-f]{8,}")


class Seen(StrEnum):
    """How a page used a host, or where the browser keeps a name."""

    SCRIPT = "script"
    IMAGE = "image"
    FRAME = "frame"
    CONNECT = "connect"
    FONT = "font"
    STYLE = "style"
    MEDIA = "media"
    FORM = "form"
    OTHER = "other"
    COOKIE = "cookie"
    LOCAL = "local"
    SESSION = "session"
    DATABASE = "database"

    @property
    def kept(self) -> bool:
        """Whether it is about a name that the browser keeps."""
        return self in {Seen.COOKIE, Seen.LOCAL, Seen.SESSION, Seen.DATABASE}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was met, with nobody in it.

    :param day: ISO date, in the site's time zone.
    :param name: a host, with its port unless it is the usual one; or the name that is kept.
    :param path: clean; empty for a name that is kept.
    """

    site: str
    day: str
    what: Seen
    name: str
    path: str = ""


def see_url(site: Site, day: str, what: Seen, url: str) -> Sighting | None:
    """Return the sighting of an address; None for one that needs none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _USUAL_PORTS:
        return None
    shown = "" if port in {None, _USUAL_PORTS[parts.scheme]} else f":{port}"
    return see_host(site, day, what, f"{parts.hostname or ''}{shown}", parts.path)


def see_host(site: Site, day: str, what: Seen, host: str, path: str) -> Sighting | None:
    """Return the sighting of a host; None where it is declared, or is no host."""
    host = host.lower()
    if not _HOST.fullmatch(host) or declares_host(site, host):
        return None
    return Sighting(site.id, day, what, host, clean_path(path or "/"))


def see_name(site: Site, day: str, what: Seen, name: str) -> Sighting | None:
    """Return the sighting of a name; None where it is declared, our own, or nothing of it may be kept."""
    kept = clean_name(name)
    if not kept or is_ours(name) or declares_name(site, name):
        return None
    return Sighting(site.id, day, what, kept)


def clean_name(name: str) -> str:
    """Return as much of a name as may be kept, empty where nothing may.

    A name may end with somebody's id. Such an end becomes ``*``: in ``gatekeeper.toml`` that means all that begin so.
    """
    if len(name) > MAX_NAME or not _NAME.fullmatch(name) or clean_path(f"/{name}") == "/:number":
        return ""
    parts = re.split("([_.:/-])", name)
    for no, part in enumerate(parts):
        if _ODD.match(part) or clean_path(f"/{part}") not in {f"/{part}", "//"}:
            stem = "".join(parts[:no])
            return f"{stem}*" if stem.strip("_.:/-") else ""
    return name


def declares_host(site: Site, host: str) -> bool:
    """Tell whether a site declares a host, as its own or as a tracker's."""
    declared = [*own_hosts(site), *(host for tracker in site.trackers.values() for host in tracker.hosts)]
    return any(host.endswith(one[1:]) if one.startswith("*.") else host == one for one in declared)


def declares_name(site: Site, name: str) -> bool:
    """Tell whether a site declares a name, whole or by its beginning."""
    declared = [cookie.name for tracker in site.trackers.values() for cookie in tracker.cookies]
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in declared)
