"""Bitsets: sets of small whole numbers, kept in chunks and joined in no time.

A chunk says which of 16,384 neighbours are in the set. As a Python integer, a chunk is joined with another by ``|``,
cut by ``&`` and counted by ``bit_count()``; as bytes it is either its bits, or, where few are set, their list.
"""

import struct
from collections import defaultdict
from collections.abc import Iterable

#: How many neighbours share a chunk. Its bits take 2 KiB.
CHUNK = 1 << 14
#: Up to so many members a chunk is written as their list, of two bytes each, little-endian and in order.
FEW = 64
_LIST, _BITS = b"l", b"b"


def by_chunk(members: Iterable[int]) -> dict[int, list[int]]:
    """Return members by their chunk, each as its place in it."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for member in members:
        chunk, place = divmod(member, CHUNK)
        found[chunk].append(place)
    return found


def join(kept: bytes | None, places: Iterable[int]) -> bytes:
    """Return a chunk with more members, as it is kept.

    :param kept: the chunk so far; None where it had no members.
    """
    if kept is not None and kept[:1] == _BITS:
        bits = bytearray(kept[1:])
    else:
        listed = {*places, *(_listed(kept) if kept else ())}
        if len(listed) <= FEW:
            return _LIST + b"".join(place.to_bytes(2, "little") for place in sorted(listed))
        bits, places = bytearray(), listed
    for place in places:
        if place >> 3 >= len(bits):
            bits.extend(bytes((place >> 3) + 1 - len(bits)))
        bits[place >> 3] |= 1 << (place & 7)
    return _BITS + bits


def read_chunk(kept: bytes) -> int:
    """Return a chunk from how it is kept."""
    if kept[:1] == _BITS:
        return int.from_bytes(kept[1:], "little")
    return _of_places(_listed(kept))


def size(kept: bytes) -> int:
    """Return how many members a chunk has."""
    return read_chunk(kept).bit_count() if kept[:1] == _BITS else len(kept) // 2


class Union:
    """The union of many sets, chunk by chunk. Those that are lists are only put together, and read in the end."""

    def __init__(self) -> None:
        self._bits: defaultdict[int, int] = defaultdict(int)
        self._lists: defaultdict[int, bytearray] = defaultdict(bytearray)

    def add(self, chunk: int, kept: bytes) -> None:
        """Add a chunk, as it is kept."""
        if kept[:1] == _BITS:
            self._bits[chunk] |= read_chunk(kept)
        else:
            self._lists[chunk] += kept[1:]

    def __len__(self) -> int:
        found = sum(bits.bit_count() for bits in self._bits.values())
        for chunk, listed in self._lists.items():
            places = struct.unpack(f"<{len(listed) // 2}H", listed)
            bits = self._bits.get(chunk, 0)
            found += (bits | _of_places(places)).bit_count() - bits.bit_count() if bits else len({*places})
        return found


def _of_places(places: Iterable[int]) -> int:
    """Return a chunk from the places in it."""
    bits = bytearray(CHUNK // 8)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def _listed(kept: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"<{len(kept) // 2}H", kept, 1)
