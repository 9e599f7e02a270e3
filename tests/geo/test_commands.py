"""`gatekeeper geo`, the settings behind it, and a service that knows where addresses are without asking anybody."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatekeeper.app import create_app
from gatekeeper.cli import main
from gatekeeper.config import Config, Invalid, load_config
from gatekeeper.core.geo import IP2ASN_LICENCE, IP2ASN_URL, Geo, GeoKind
from gatekeeper.core.notices import Notice, content_hash
from gatekeeper.core.sites import notice_content
from gatekeeper.store.engines import migrate, open_store

from .conftest import TABLE, Source

KEY = "cNZ8p2vLr5XwT0aYq9JdHk4GmB7sEfU1"
TOML = """
[sites.shop]
name = "The Shop"
origins = ["http://shop.test"]
controller = { name = "Shop Ltd", address = "1 High Street, Dublin", contact = "privacy@shop.example" }
"""


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "gatekeeper.toml"
    path.write_text(TOML)
    monkeypatch.setenv("GATEKEEPER_CONFIG", str(path))
    monkeypatch.setenv("GATEKEEPER_SECRET_KEYS", KEY)
    return path


def geo(toml: Path, **settings: Any) -> None:
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in settings.items()]
    toml.write_text("\n".join([TOML, "[geo]", *lines]))


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["geo", *words])


# --- settings


def test_without_settings_nothing_is_known(toml: Path) -> None:
    assert load_config().geo == Geo()


def test_the_kind_alone_is_enough_for_iptoasn(toml: Path) -> None:
    geo(toml, kind="ip2asn")

    assert load_config().geo == Geo(GeoKind.IP2ASN, ("ip2asn.tsv.gz",), (IP2ASN_URL,), IP2ASN_LICENCE)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("none", Geo()),
        ("mmdb:/a.mmdb, /b.mmdb", Geo(GeoKind.MMDB, ("/a.mmdb", "/b.mmdb"))),
        ("ip2asn:/a.tsv", Geo(GeoKind.IP2ASN, ("/a.tsv",), (IP2ASN_URL,), IP2ASN_LICENCE)),
    ],
)
def test_the_variable_wins(toml: Path, monkeypatch: pytest.MonkeyPatch, variable: str, expected: Geo) -> None:
    geo(toml, kind="mmdb", files=["x.mmdb"])
    monkeypatch.setenv("GATEKEEPER_GEO", variable)

    found = load_config().geo
    assert (found.kind, found.files) == (expected.kind, expected.files)


@pytest.mark.parametrize(
    ("settings", "key", "rule"),
    [
        ({"kind": "geoip"}, "geo.kind", "one of none, mmdb, ip2asn"),
        ({"kind": "mmdb"}, "geo.files", "no usual name"),
        ({"kind": "ip2asn", "urls": ["http://iptoasn.example/x"]}, "geo.urls", "an https address"),
        ({"kind": "ip2asn", "urls": ["file:///etc/passwd"]}, "geo.urls", "an https address"),
        (
            {"kind": "ip2asn", "urls": ["https://a.example/1", "https://a.example/2"]},
            "geo.urls",
            "one address for each",
        ),
        ({"kind": "ip2asn", "path": "x"}, "geo.path", "only keys that Gatekeeper knows"),
        ({"files": ["x"]}, "geo.kind", "one of none"),
    ],
)
def test_a_mistake_names_its_rule(toml: Path, settings: dict[str, Any], key: str, rule: str) -> None:
    geo(toml, **settings)

    with pytest.raises(Invalid) as caught:
        load_config()

    (problem,) = caught.value.problems
    assert (problem.key, rule in problem.rule, bool(problem.fix)) == (key, True, True)


def test_a_variable_that_is_none_of_these_is_refused(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEKEEPER_GEO", "/srv/geo.mmdb")

    with pytest.raises(Invalid, match="GATEKEEPER_GEO"):
        load_config()


# --- the commands


def test_status_says_how_to_begin(toml: Path) -> None:
    result = run("status")

    assert (result.exit_code, "none" in result.output, "docs/deploy.md" in result.output) == (0, True, True)


def test_update_then_status(toml: Path, source: Source) -> None:
    geo(toml, kind="ip2asn", files=["table"], urls=[source.url("/ip2asn.tsv.gz")], licence="CC0")
    assert "missing: run `gatekeeper geo update`" in run("status").output

    updated, again, status = run("update"), run("update"), run("status")

    assert updated.exit_code == 0, updated.output
    assert f"{toml.parent / 'table'} has 6 entries." in updated.output
    assert "has 6 entries, 6 before." in again.output
    assert status.exit_code == 0
    assert "6 ranges, of 20" in status.output
    assert "0 days old" in status.output
    assert "licence  CC0" in status.output


def test_status_says_what_is_old_or_broken(toml: Path, table: Path) -> None:
    geo(toml, kind="ip2asn", files=[table.name])
    os.utime(table, (0, 0))
    assert "too old to tell" in run("status").output

    table.write_text("<!doctype html>")
    broken = run("status")

    assert broken.exit_code == 1
    assert "is not of the form" in broken.output


def test_update_says_what_went_wrong(toml: Path, source: Source) -> None:
    geo(toml, kind="ip2asn", files=["table"], urls=[source.url("/nothing")])

    result = run("update")

    assert result.exit_code == 1
    assert "could not be fetched: HTTP Error 404" in result.output
    assert "Traceback" not in result.output


def test_update_without_an_address_says_what_to_write(toml: Path) -> None:
    result = run("update")

    assert result.exit_code == 1
    assert "write kind and urls under [geo]" in result.output


# --- serving


def served(toml: Path) -> tuple[Config, Any]:
    config = load_config({**os.environ, "GATEKEEPER_DATABASE_URL": f"sqlite:///{toml.parent / 'gatekeeper.db'}"})
    migrate(config.database_url)
    store = open_store(config.database_url)
    store.start()
    content = notice_content(config.sites["shop"])
    store.publish(Notice("shop", 1, content, "2026-11-22", content_hash(content)))
    return config, store


@pytest.mark.row("SE-24")
@pytest.mark.parametrize(
    ("address", "known"),
    [("203.0.113.9", {"provider": "Example Net", "country": "CH"}), ("198.51.100.1", {})],
)
def test_provider_and_country_are_known_without_a_network(
    toml: Path, table: Path, monkeypatch: pytest.MonkeyPatch, address: str, known: dict[str, str]
) -> None:
    geo(toml, kind="ip2asn", files=[table.name])
    config, store = served(toml)

    def no_network(*_: Any, **__: Any) -> None:
        raise AssertionError("a visitor's address was told to somebody")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    try:
        app = create_app(config, store=store)
        client = app.test_client()
        choice = {"granted": ["analytics"], "notice": 1}
        client.post("/gk/shop/choice", json=choice, base_url="http://shop.test", headers={"Origin": "http://shop.test"})
        client.get("/gk/shop/b/x.gif", base_url="http://shop.test", environ_base={"REMOTE_ADDR": address})
        view = {"id": "019ab1c2d3e47abc8def001122334455", "kind": "view", "path": "/"}
        client.post(
            "/gk/shop/events",
            json={"events": [view]},
            base_url="http://shop.test",
            headers={"Origin": "http://shop.test"},
            environ_base={"REMOTE_ADDR": address},
        )
        held = client.get_cookie("gk_subject", domain="shop.test")
        assert held
        subject = app.extensions["gatekeeper"].subject_tokens.verify(held.value).subject
        (event,) = store.events("shop", subject)
    finally:
        store.close()

    assert {name: event.fields[name] for name in ("provider", "country") if name in event.fields} == known
    assert event.fields["address"] == address


@pytest.mark.row("SE-24")
def test_a_service_whose_file_is_missing_serves_all_the_same(toml: Path) -> None:
    geo(toml, kind="ip2asn")
    config, store = served(toml)
    try:
        service = create_app(config, store=store).extensions["gatekeeper"]

        assert tuple(service.locate("203.0.113.9")) == ("", "")
    finally:
        store.close()


def test_the_tables_of_these_tests_are_right() -> None:
    assert len(TABLE.splitlines()) == 7
