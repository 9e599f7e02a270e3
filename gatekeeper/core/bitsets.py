"""Bitsets: sets of small whole numbers, kept in chunks and joined in no time.

A chunk says which of 16,384 neighbours are in the set. As a Python integer, a chunk is joined with another by ``|``,
cut by ``&`` and counted by ``bit_count()``; as bytes it is either its bits, or, where few are set, their list.
"""

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


def _listed(kept: bytes) -> Iterable[int]:
    return (low | high << 8 for low, high in zip(kept[1::2], kept[2::2], strict=True))
