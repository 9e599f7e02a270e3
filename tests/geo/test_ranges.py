"""Tables of iptoasn.com: what is found, what stays blank, and how little memory they take."""

import gzip
import ipaddress
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.geo import NOWHERE, Place
from gatekeeper.geo import GeoError
from gatekeeper.geo.ranges import Ranges, open_ranges

from .conftest import TABLE

FOUND = [
    ("1.0.0.0", Place("CLOUDFLARENET", "US")),
    ("1.0.0.255", Place("CLOUDFLARENET", "US")),
    ("1.0.4.7", Place("WPL-AS-AP Wirefreebroadband Pty Ltd", "AU")),
    ("203.0.113.127", Place("Example Net", "CH")),
    ("255.255.255.255", Place("Odd", "")),
    ("2001:db8::1", Place("Example Net", "DE")),
    ("2001:0DB8:0:FFFF::1", Place("Example Net", "DE")),
    ("2001:db8:2::1", Place("Nameless Country", "")),
    ("::ffff:203.0.113.9", Place("Example Net", "CH")),
    # nobody's, between ranges, before the first and after the last
    ("1.0.1.1", NOWHERE),
    ("1.0.8.0", NOWHERE),
    ("203.0.113.128", NOWHERE),
    ("0.0.0.0", NOWHERE),
    ("2001:db8:1::1", NOWHERE),
    ("::1", NOWHERE),
    ("ffff::", NOWHERE),
    # no addresses
    ("", NOWHERE),
    ("1.0.0", NOWHERE),
    ("1.0.0.0.0", NOWHERE),
    ("fe80::1%eth0", NOWHERE),
    ("unix:", NOWHERE),
    ("shop.example", NOWHERE),
]


@pytest.mark.parametrize(("address", "place"), FOUND, ids=[address or "none" for address, _ in FOUND])
def test_an_address_is_found_in_its_range_and_nowhere_else(table: Path, address: str, place: Place) -> None:
    assert open_ranges(table).locate(address) == place


def test_a_compressed_table_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_bytes(gzip.compress(TABLE.encode()))

    assert open_ranges(path).locate("1.0.4.7").country == "AU"
    assert len(open_ranges(path)) == 6


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "table"
    path.write_text("".join(reversed(TABLE.splitlines(keepends=True))))

    ranges = open_ranges(path)

    assert {address: ranges.locate(address) for address, _ in FOUND} == dict(FOUND)


@pytest.mark.parametrize(
    "line",
    [
        "1.0.0.0\t1.0.0.255\t13335\tUS",
        "1.0.0.0\t1.0.0.255\t13335\tUS\tA\tB",
        "1.0.0.255\t1.0.0.0\t13335\tUS\tA",
        "1.0.0.0\t2001:db8::\t13335\tUS\tA",
        "1.0.0\t1.0.0.255\t13335\tUS\tA",
        "1.0.0.0\t1.0.0.255\tAS1\tUS\tA",
        "<!doctype html>",
        "",
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "table"
    path.write_text(f"{TABLE}{line}\n")

    with pytest.raises(GeoError, match=r"table: line 8, .* is not of the form: first address"):
        open_ranges(path)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", gzip.compress(TABLE.encode(), mtime=0)[:40], b"\xff\xfe\n"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "table"
    path.write_bytes(content)

    with pytest.raises(GeoError, match="table"):
        open_ranges(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match="nothing-here cannot be read"):
        open_ranges(tmp_path / "nothing-here")


_numbers = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(_numbers, st.integers(0, 2**16)), max_size=20), _numbers)
def test_every_address_is_found_where_a_plain_search_finds_it(starts: list[tuple[int, int]], asked: int) -> None:
    ends: list[tuple[int, int]] = []
    for start, length in sorted(starts):
        if not ends or start > ends[-1][1]:
            ends.append((start, min(start + length, 2**32 - 1)))

    def text(number: int) -> str:
        return str(ipaddress.IPv4Address(number))

    ranges = Ranges().read(f"{text(start)}\t{text(end)}\t1\tCH\tNet {start}" for start, end in ends)

    expected = [Place(f"Net {start}", "CH") for start, end in ends if start <= asked <= end]
    assert ranges.locate(text(asked)) == (expected[0] if expected else NOWHERE)


def test_half_a_million_ranges_take_little_memory() -> None:
    """With 80,000 providers of usual names, as the Internet has; idle, the whole service may have 150 MB."""

    def lines(count: int) -> list[str]:
        step = 2**32 // count
        pairs = ((ipaddress.IPv4Address(no * step), no % 80_000) for no in range(count))
        return [f"{start}\t{start}\t{provider + 1}\tUS\tPROVIDER-{provider}" for start, provider in pairs]

    told = lines(100_000)
    tracemalloc.start()
    try:
        ranges = Ranges().read(told)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    names = 80_000 * 24
    assert len(ranges) == 100_000
    assert held < names + 100_000 * 16
