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
    bits = bytearray(CHUNK // 8)
    for place in _listed(kept):
        bits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def size(kept: bytes) -> int:
    """Return how many members a chunk has."""
    return read_chunk(kept).bit_count() if kept[:1] == _BITS else len(kept) // 2


class Sieve:
    """A chunk that others are cut with, to be counted: hundreds of them, and most have few members."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._flags = ""

    def count(self, kept: bytes) -> int:
        """Return how many members a chunk shares with this one."""
        if kept[:1] == _BITS:
            return (read_chunk(kept) & self._bits).bit_count()
        if not self._flags:
            self._flags = f"{self._bits:0{CHUNK}b}"[::-1]
        flags = self._flags  # looking places up in it takes a fifth of making bits of them
        return [flags[place] for place in _listed(kept)].count("1")


def _listed(kept: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"<{len(kept) // 2}H", kept, 1)
