"""Tables of address ranges as iptoasn.com publishes them: from, to, number, country, name of the provider, by tabs.

Half a million ranges take some 15 MB: numbers in arrays, and the name of each provider in each country once.
"""

import gzip
import re
import socket
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

from gatekeeper.core.geo import NOWHERE, Place

from . import GeoError

#: More than the Internet's routing table will have for long; beyond it a file is not what it claims to be.
MAX_RANGES = 4_000_000
_GZIP = b"\x1f\x8b"
_COUNTRY = re.compile("[A-Z]{2}")
_MAX_NAME = 100
_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, an IPv4 address written as an IPv6 one (RFC 4291 section 2.5.5.2)


class _Family:
    """The ranges of one kind of address, in order."""

    def __init__(self, code: str) -> None:
        self.starts = array(code)
        self.ends = array(code)
        self.places = array("I")

    def add(self, start: int, end: int, place: int) -> None:
        self.starts.append(start)
        self.ends.append(end)
        self.places.append(place)

    def sort(self) -> None:
        """Put the ranges in order, where the file has them in another."""
        starts = self.starts
        if all(starts[at] <= starts[at + 1] for at in range(len(starts) - 1)):
            return
        order = sorted(range(len(starts)), key=starts.__getitem__)
        for name in ("starts", "ends", "places"):
            old = getattr(self, name)
            setattr(self, name, array(old.typecode, (old[at] for at in order)))

    def find(self, number: int) -> int | None:
        at = bisect_right(self.starts, number) - 1
        return self.places[at] if at >= 0 and number <= self.ends[at] else None


class Ranges:
    """What a table says. IPv6 is told apart by its first 64 bits: what follows is one customer's own network."""

    def __init__(self) -> None:
        self._v4 = _Family("I")
        self._v6 = _Family("Q")
        # "CH Example Net" of each place, end to end, and where each ends.
        self._names = b""
        self._name_ends = array("I")

    def __len__(self) -> int:
        return len(self._v4.starts) + len(self._v6.starts)

    def locate(self, address: str) -> Place:
        """Return where an address is; blanks where the table does not say, or where it is no address."""
        try:
            family, number = self._number(address)
        except OSError:
            return NOWHERE
        found = family.find(number)
        if found is None:
            return NOWHERE
        start = self._name_ends[found - 1] if found else 0
        name = self._names[start : self._name_ends[found]].decode()
        return Place(name[3:], name[:2].strip())

    def _number(self, address: str) -> tuple[_Family, int]:
        if ":" not in address:
            return self._v4, int.from_bytes(socket.inet_pton(socket.AF_INET, address))
        packed = socket.inet_pton(socket.AF_INET6, address)
        if packed.startswith(_MAPPED):
            return self._v4, int.from_bytes(packed[12:])
        return self._v6, int.from_bytes(packed[:8])

    def read(self, lines: Iterable[str]) -> "Ranges":
        """Add the ranges of a table.

        :raises GeoError: a line is none; the message has its number.
        """
        known: dict[str, int] = {}
        for no, line in enumerate(lines, start=1):
            try:
                first, last, number, country, provider = line.rstrip("\r\n").split("\t")
                family, start = self._number(first)
                same, end = self._number(last)
                if family is not same or start > end or not number.isdecimal():
                    raise ValueError(line)
            except (OSError, ValueError) as error:
                rule = "first address, last address, number, country and name, with tabs between"
                raise GeoError(f"line {no}, {line[:80]!r}, is not of the form: {rule}") from error
            if number == "0":  # nobody's
                continue
            name = f"{country if _COUNTRY.fullmatch(country) else '':2} {_plain(provider)}"
            place = known.setdefault(name, len(known))
            family.add(start, end, place)
            if len(self) > MAX_RANGES:
                raise GeoError(f"more than {MAX_RANGES} ranges: this is no table of providers")
        names = [name.encode() for name in known]
        self._names = b"".join(names)
        self._name_ends = array("I", accumulate(map(len, names)))
        self._v4.sort()
        self._v6.sort()
        return self


def _plain(text: str) -> str:
    return (text if text.isprintable() else "".join(filter(str.isprintable, text)))[:_MAX_NAME]


def open_ranges(path: Path) -> Ranges:
    """Read a table, compressed by gzip or not.

    :raises GeoError: there is none, or it is not of the form; the message names file and line.
    """
    try:
        ranges = Ranges().read(_lines(path))
    except (OSError, EOFError, UnicodeDecodeError) as error:  # EOFError where a compressed file ends early
        raise GeoError(f"{path} cannot be read: {error}") from error
    except GeoError as error:
        raise GeoError(f"{path}: {error}") from error
    if not len(ranges):
        raise GeoError(f"{path}: there is no range in it")
    return ranges


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
        yield from lines
