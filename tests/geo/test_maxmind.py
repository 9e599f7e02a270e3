"""Files in MaxMind's format, as several publishers fill them."""

from pathlib import Path
from typing import Any

import pytest

from gatekeeper.core.geo import NOWHERE, Place
from gatekeeper.geo import GeoError
from gatekeeper.geo.maxmind import MaxMind

from .mmdb import write

RECORDS: list[tuple[dict[str, Any], Place]] = [
    ({"autonomous_system_number": (6, 64500), "autonomous_system_organization": "Example Net"}, Place("Example Net")),
    ({"country": {"iso_code": "CH", "names": {"en": "Switzerland"}}}, Place("", "CH")),
    ({"country_code": "DE", "as_name": "Example Net"}, Place("Example Net", "DE")),
    ({"country": "FR", "isp": "Example Net"}, Place("Example Net", "FR")),
    ({"country": {"iso_code": "CHE"}}, NOWHERE),
    ({"country": {"names": {"en": "Switzerland"}}}, NOWHERE),
    ({"as_name": "Line\nbreak\u202e"}, Place("Linebreak")),
    ({"continent": {"code": "EU"}}, NOWHERE),
]


@pytest.mark.parametrize(("record", "place"), RECORDS)
def test_what_a_publisher_says_is_read(tmp_path: Path, record: dict[str, Any], place: Place) -> None:
    path = tmp_path / "test.mmdb"
    path.write_bytes(write({"203.0.113.0/24": record}))

    assert MaxMind(path).locate("203.0.113.9") == place


@pytest.mark.parametrize("address", ["203.0.114.0", "2001:db8::1", "", "shop.example", "fe80::1%eth0"])
def test_what_a_file_does_not_say_stays_blank(tmp_path: Path, address: str) -> None:
    path = tmp_path / "test.mmdb"
    path.write_bytes(write({"203.0.113.0/24": {"country_code": "CH"}}))

    assert MaxMind(path).locate(address) == NOWHERE


@pytest.mark.parametrize("content", [b"", b"<!doctype html>", write({"10.0.0.0/8": {}})[:-60]])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "test.mmdb"
    path.write_bytes(content)

    with pytest.raises(GeoError, match=r"test\.mmdb cannot be read as MMDB"):
        MaxMind(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GeoError, match=r"nothing\.mmdb cannot be read"):
        MaxMind(tmp_path / "nothing.mmdb")
