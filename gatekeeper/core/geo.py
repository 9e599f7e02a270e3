"""Where an address is, roughly: the provider and the country it was given to, from a file on this machine.

Nothing is ever looked up online (source policy: no visitor information is transmitted). This is the settings and the
answer; ``gatekeeper.geo`` reads the files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .problems import Problem, shown

#: Where `gatekeeper geo update` fetches from where the settings name no address.
IP2ASN_URL = "https://iptoasn.com/data/ip2asn-combined.tsv.gz"
IP2ASN_LICENCE = "public domain (PDDL 1.0), iptoasn.com"
_VARIABLE = "GATEKEEPER_GEO"


class Place(NamedTuple):
    """The provider's name and the country, ISO 3166-1 alpha-2; empty where it is not known."""

    provider: str = ""
    country: str = ""


NOWHERE = Place()

Locate = Callable[[str], Place]


def nowhere(address: str) -> Place:
    """Locate nothing: how it is until an operator brings a file."""
    return NOWHERE


class GeoKind(StrEnum):
    """What the files are: none, MaxMind's binary format, or the tables of iptoasn.com."""

    NONE = "none"
    MMDB = "mmdb"
    IP2ASN = "ip2asn"


@dataclass(frozen=True, slots=True)
class Geo:
    """Which files tell where an address is.

    :param files: paths; several where one knows the provider and another the country. The first answer counts.
    :param urls: where each is fetched from by `gatekeeper geo update`; fewer where some are brought otherwise.
    :param licence: under which the data may be used, to be shown with it.
    """

    kind: GeoKind = GeoKind.NONE
    files: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    licence: str = ""


def read_geo(table: Mapping[str, Any], variable: str) -> tuple[Geo, list[Problem]]:
    """Read the settings: the ``[geo]`` table, whose form was checked, and ``GATEKEEPER_GEO``, which wins.

    :param variable: ``none``, or a kind and its files, as ``ip2asn:/srv/geo/ip2asn.tsv.gz``, with commas between.
    """
    if variable:
        kind, _, files = variable.partition(":")
        table = {**table, "kind": kind, "files": [file.strip() for file in files.split(",") if file.strip()]}
        if kind not in list(GeoKind):
            rule = f"one of {', '.join(GeoKind)}, with its files after a colon"
            fix = 'write for example "ip2asn:/srv/gatekeeper/ip2asn.tsv.gz"'
            return Geo(), [Problem(_VARIABLE, shown(variable), rule, fix)]
    geo = Geo(
        GeoKind(table.get("kind", GeoKind.NONE)),
        tuple(table.get("files", ())),
        tuple(table.get("urls", ())),
        table.get("licence", ""),
    )
    return _with_defaults(geo), list(_check(geo, _VARIABLE if variable else "geo"))


def _with_defaults(geo: Geo) -> Geo:
    if geo.kind is not GeoKind.IP2ASN:
        return geo
    files = geo.files or ("ip2asn.tsv.gz",)
    own = len(files) == 1 and not geo.urls
    return Geo(geo.kind, files, (IP2ASN_URL,) if own else geo.urls, geo.licence or (IP2ASN_LICENCE if own else ""))


def _check(geo: Geo, where: str) -> list[Problem]:
    problems = []
    if geo.kind is GeoKind.MMDB and not geo.files:
        fix = 'write for example files = ["GeoLite2-ASN.mmdb", "GeoLite2-Country.mmdb"]'
        problems.append(Problem(f"{where}.files", "(missing)", "a file of MaxMind's format has no usual name", fix))
    if len(geo.urls) > max(len(geo.files), 1):
        rule = "at most one address for each file, in their order"
        problems.append(Problem(f"{where}.urls", shown(list(geo.urls)), rule, "add its file, or remove it"))
    for url in geo.urls:
        if not is_safe(url):
            rule = "an https address, or an http one on this machine: who could change the file could change the log"
            problems.append(Problem(f"{where}.urls", shown(url), rule, 'write "https://…"'))
    return problems


def is_safe(url: str) -> bool:
    """Tell whether a file may be fetched from an address: nobody between can change it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    loopback = parts.hostname in {"localhost", "::1"} or (parts.hostname or "").startswith("127.")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and loopback))
