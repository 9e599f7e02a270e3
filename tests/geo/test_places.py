"""Looking up while serving: several files, files that change, files that are not there."""

import logging
import threading
from pathlib import Path

import pytest

from gatekeeper.core.geo import NOWHERE, Geo, GeoKind, Place, nowhere
from gatekeeper.geo.places import Places, locator

from .conftest import TABLE
from .mmdb import write


def test_without_files_every_address_stays_blank(tmp_path: Path) -> None:
    assert locator(Geo(), tmp_path) is nowhere
    assert nowhere("203.0.113.9") == NOWHERE


def test_one_file_may_know_the_provider_and_another_the_country(tmp_path: Path) -> None:
    (tmp_path / "asn.mmdb").write_bytes(write({"203.0.113.0/24": {"autonomous_system_organization": "Example Net"}}))
    (tmp_path / "country.mmdb").write_bytes(write({"203.0.0.0/16": {"country": {"iso_code": "CH"}}}))

    locate = locator(Geo(GeoKind.MMDB, ("asn.mmdb", "country.mmdb")), tmp_path)

    assert locate("203.0.113.9") == Place("Example Net", "CH")
    assert locate("203.0.9.9") == Place("", "CH")
    assert locate("198.51.100.1") == NOWHERE


def test_the_first_answer_counts(tmp_path: Path) -> None:
    (tmp_path / "a.mmdb").write_bytes(write({"203.0.113.0/24": {"country_code": "CH"}}))
    (tmp_path / "b.mmdb").write_bytes(write({"203.0.113.0/24": {"country_code": "FR", "as_name": "Example Net"}}))

    locate = locator(Geo(GeoKind.MMDB, ("a.mmdb", "b.mmdb")), tmp_path)

    assert locate("203.0.113.9") == Place("Example Net", "CH")


def test_a_missing_file_is_said_once_and_found_when_it_comes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "table"
    with caplog.at_level(logging.WARNING):
        places = Places(GeoKind.IP2ASN, [path])
        places.look()
    assert [record.message for record in caplog.records] == [
        f"where addresses are is not known: {path} cannot be read: [Errno 2] No such file or directory: '{path}'"
    ]
    assert places.locate("1.0.0.1") == NOWHERE

    path.write_text(TABLE)
    places.look()

    assert places.locate("1.0.0.1").country == "US"


def test_a_file_that_was_replaced_is_read_again(table: Path) -> None:
    places = Places(GeoKind.IP2ASN, [table])
    new = table.with_name("new")
    new.write_text("1.0.0.0\t1.0.0.255\t1\tFR\tOther Net\n")

    new.replace(table)
    places.look()

    assert places.locate("1.0.0.1") == Place("Other Net", "FR")


def test_what_was_read_holds_while_the_file_is_broken(table: Path) -> None:
    places = Places(GeoKind.IP2ASN, [table])

    table.write_text("<!doctype html>")
    places.look()

    assert places.locate("1.0.0.1").country == "US"


def test_whoever_asks_after_a_while_has_it_looked_at_in_the_background(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Places(GeoKind.IP2ASN, [table])
    new = table.with_name("new")
    new.write_text("1.0.0.0\t1.0.0.255\t1\tFR\tOther Net\n")
    new.replace(table)
    assert places.locate("1.0.0.1").country == "US"

    monkeypatch.setattr("gatekeeper.geo.places.LOOK_EVERY", -1.0)
    places.locate("1.0.0.1")
    monkeypatch.undo()
    for thread in [thread for thread in threading.enumerate() if thread.name == "gatekeeper-geo"]:
        thread.join()

    assert places.locate("1.0.0.1").country == "FR"
