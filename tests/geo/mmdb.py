"""Write a small file in MaxMind's format (version 2.0 of its description), for IPv4 networks alone."""

from ipaddress import IPv4Network
from typing import Any

_MARK = b"\xab\xcd\xefMaxMind.com"
_BITS = 32


def write(entries: dict[str, dict[str, Any]]) -> bytes:
    """Return a file that says something of each network."""
    data, offsets = b"", []
    for value in entries.values():
        offsets.append(len(data))
        data += _encode(value)
    tree = _tree([IPv4Network(text) for text in entries])
    count = len(tree)
    nodes = b"".join(_node([_record(side, count, offsets) for side in node]) for node in tree)
    metadata = {
        "node_count": (6, count),
        "record_size": (5, _BITS),
        "ip_version": (5, 4),
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": (5, 2),
        "binary_format_minor_version": (5, 0),
        "build_epoch": (9, 1_795_000_000),
        "description": {"en": "A test"},
    }
    return nodes + bytes(16) + data + _MARK + _encode(metadata)


def _tree(networks: list[IPv4Network]) -> list[list[Any]]:
    """Return nodes of two sides: ``None``, ("node", no) or ("entry", no)."""
    tree: list[list[Any]] = [[None, None]]
    for entry, network in enumerate(networks):
        at = 0
        bits = [int(network.network_address) >> (31 - depth) & 1 for depth in range(network.prefixlen)]
        for bit in bits[:-1]:
            if tree[at][bit] is None:
                tree[at][bit] = ("node", len(tree))
                tree.append([None, None])
            at = tree[at][bit][1]
        tree[at][bits[-1]] = ("entry", entry)
    return tree


def _record(side: Any, count: int, offsets: list[int]) -> int:
    if side is None:
        return count
    kind, no = side
    return no if kind == "node" else count + 16 + offsets[no]


def _node(records: list[int]) -> bytes:
    return b"".join(record.to_bytes(_BITS // 8) for record in records)


def _encode(value: Any) -> bytes:
    if isinstance(value, str):
        return _control(2, len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return _control(7, len(value)) + b"".join(_encode(key) + _encode(item) for key, item in value.items())
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encode, value))
    kind, number = value
    packed = number.to_bytes((number.bit_length() + 7) // 8)
    return _control(kind, len(packed)) + packed


def _control(kind: int, size: int) -> bytes:
    extra = b""
    if size >= 29:
        size, extra = 29, bytes([size - 29])
    return bytes([kind << 5 | size]) + extra if kind < 8 else bytes([size, kind - 7]) + extra
