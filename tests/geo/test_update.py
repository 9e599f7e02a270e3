"""Fetching files: right ones are put in place whole, wrong ones leave what was there."""

import gzip
from pathlib import Path

import pytest

from gatekeeper.core.geo import GeoKind
from gatekeeper.geo import GeoError
from gatekeeper.geo.update import Updated, update

from .conftest import TABLE, Source
from .mmdb import write

GZ = "/ip2asn.tsv.gz"


def fetch(
    source: Source, path: Path, what: str = GZ, *, kind: GeoKind = GeoKind.IP2ASN, force: bool = False
) -> Updated:
    return update(kind, path, source.url(what), lambda came, expected: None, force=force)


def test_a_file_is_fetched_and_checked(tmp_path: Path, source: Source) -> None:
    seen: list[tuple[int, int]] = []
    path = tmp_path / "table"

    done = update(GeoKind.IP2ASN, path, source.url(GZ), lambda came, expected: seen.append((came, expected)))

    assert done == Updated(path, 6, None)
    assert gzip.decompress(path.read_bytes()).decode() == TABLE
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert source.asked[0]["User-Agent"].startswith("gatekeeper/")
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_time_says_what_there_was(tmp_path: Path, source: Source) -> None:
    fetch(source, tmp_path / "table")

    assert fetch(source, tmp_path / "table").before == 6


def test_a_file_of_the_other_kind_is_fetched_too(tmp_path: Path, source: Source) -> None:
    source.files["/x.mmdb"] = write({"203.0.113.0/24": {"country_code": "CH"}})

    assert fetch(source, tmp_path / "x.mmdb", "/x.mmdb", kind=GeoKind.MMDB).entries > 0


def test_a_redirect_on_this_machine_is_followed(tmp_path: Path, source: Source) -> None:
    source.files["/latest"] = source.url(GZ)

    assert fetch(source, tmp_path / "table", "/latest").entries == 6


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (404, "could not be fetched: HTTP Error 404"),
        (503, "could not be fetched: HTTP Error 503"),
        (b"", "there is no range in it"),
        (b"<!doctype html><title>Sign in</title>", "line 1, .* is not of the form"),
        (gzip.compress(TABLE.encode(), mtime=0)[:60], "cannot be read"),
        ("http://example.invalid/table", "leads to http://example.invalid/table, which is not https"),
        ("file:///etc/passwd", "could not be fetched: .* is not allowed"),
    ],
)
def test_what_is_not_right_leaves_what_was_there(
    table: Path, source: Source, answer: bytes | int | str, says: str
) -> None:
    source.files["/table"] = answer

    with pytest.raises(GeoError, match=says):
        fetch(source, table, "/table")

    assert table.read_text() == TABLE
    assert list(table.parent.iterdir()) == [table]


def test_a_transfer_that_breaks_off_is_noticed(table: Path, source: Source) -> None:
    source.files["/table"] = TABLE.encode()
    source.lost = len(TABLE.splitlines(keepends=True)[-1])

    with pytest.raises(GeoError, match="broke off after"):
        fetch(source, table, "/table")

    assert table.read_text() == TABLE


def test_a_file_that_lost_most_of_its_entries_needs_a_word(table: Path, source: Source) -> None:
    source.files["/table"] = TABLE.splitlines(keepends=True)[0].encode()

    with pytest.raises(GeoError, match=r"has 1 entries where .* has 6; .*--force"):
        fetch(source, table, "/table")

    assert fetch(source, table, "/table", force=True).entries == 1


def test_a_server_that_is_not_there_is_named(tmp_path: Path, source: Source) -> None:
    source.port = 1

    with pytest.raises(GeoError, match=r"http://127\.0\.0\.1:1/ip2asn\.tsv\.gz could not be fetched"):
        fetch(source, tmp_path / "table")
