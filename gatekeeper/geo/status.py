"""Say how it is with the files that tell where addresses are."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatekeeper.core.geo import Geo, GeoKind

from . import GeoError
from .places import open_file

_DAY = 86_400
#: Networks change hands: after so many days a file tells of the past.
STALE_DAYS = 90
_WORDS = {GeoKind.MMDB: "nodes", GeoKind.IP2ASN: "ranges"}


@dataclass(frozen=True, slots=True)
class Status:
    """What was found, in lines to read, and whether all of it can be used."""

    lines: list[str]
    well: bool


def examine(geo: Geo, folder: Path, *, now: float) -> Status:
    """Look at every file.

    :param folder: beside which relative paths are.
    :param now: seconds since the epoch.
    """
    if geo.kind is GeoKind.NONE:
        return Status(["kind     none: providers and countries stay blank; docs/deploy.md says how to know them"], True)
    found = [_file(geo.kind, folder / file, now) for file in geo.files]
    licence = geo.licence or "(not said; write licence = … under [geo])"
    lines = [f"kind     {geo.kind.value}", *(line for lines, _ in found for line in lines), f"licence  {licence}"]
    return Status(lines, all(well for _, well in found))


def _file(kind: GeoKind, path: Path, now: float) -> tuple[list[str], bool]:
    if not path.exists():
        return [f"file     {path}", "         missing: run `gatekeeper geo update`"], False
    try:
        entries = len(open_file(kind, path))
    except GeoError as error:
        return [f"file     {path}", f"         {error}"], False
    at = path.stat().st_mtime
    days = int((now - at) // _DAY)
    age = f"of {datetime.fromtimestamp(at, UTC):%Y-%m-%d}, {days} day{'' if days == 1 else 's'} old"
    stale = "; too old to tell: run `gatekeeper geo update`" if days > STALE_DAYS else ""
    return [f"file     {path}", f"         {entries} {_WORDS[kind]}, {age}{stale}"], True
