"""Bitsets: sets of small whole numbers, kept in chunks and joined in no time.

A chunk says which of 16,384 neighbours are in the set. As a Python integer, a chunk is joined with another by ``|``,
cut by ``&`` and counted by ``bit_count()``; as bytes it is either its bits, or, where few are set, their list.
"""

from collections.abc import Iterable

#: How many neighbours share a chunk. Its bits take 2 KiB.
CHUNK = 1 << 14
#: Up to so many members a chunk is written as their list, of two bytes each.
_FEW = 64
_LIST, _BITS = b"l", b"b"


def by_chunk(members: Iterable[int]) -> dict[int, int]:
    """Return members as chunks by number."""
    found: dict[int, bytearray] = {}
    for member in members:
        chunk, at = divmod(member, CHUNK)
        bits = found.get(chunk)
        if bits is None:
            bits = found[chunk] = bytearray(CHUNK // 8)
        bits[at >> 3] |= 1 << (at & 7)
    return {chunk: int.from_bytes(bits, "little") for chunk, bits in found.items()}


def write_chunk(bits: int) -> bytes:
    """Return a chunk as it is kept."""
    if bits.bit_count() > _FEW:
        return _BITS + bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    listed = bytearray(_LIST)
    while bits:
        lowest = bits & -bits
        listed += (lowest.bit_length() - 1).to_bytes(2, "little")
        bits ^= lowest
    return bytes(listed)


def read_chunk(kept: bytes) -> int:
    """Return a chunk from how it is kept."""
    if kept[:1] == _BITS:
        return int.from_bytes(kept[1:], "little")
    bits = bytearray(CHUNK // 8)
    for low, high in zip(kept[1::2], kept[2::2], strict=True):
        bits[low >> 3 | high << 5] |= 1 << (low & 7)
    return int.from_bytes(bits, "little")
