"""`gatekeeper init`: what it writes, and what it refuses."""

import stat
from pathlib import Path

import pytest

from gatekeeper import beginning
from gatekeeper.config import load_config, load_sites
from gatekeeper.core.purposes import BUILT_IN
from gatekeeper.core.themes import Banner

from .folders import Run


def test_init_writes_a_configuration_without_mistakes_and_a_key(run: Run, folder: Path) -> None:
    result = run("init")

    assert result.exit_code == 0, result.output
    assert run("check").exit_code == 0
    (key,) = load_config().keys
    assert len(key) == 43
    assert stat.S_IMODE((folder / "gatekeeper.keys").stat().st_mode) == 0o600
    assert '<script src="/gk/shop/gatekeeper.js"></script>' in result.output


@pytest.mark.row("EU-13", "EU-15")
def test_what_init_writes_is_lawful_as_written(run: Run, folder: Path) -> None:
    run("init")
    sites, problems = load_sites(folder / "gatekeeper.toml")

    assert problems == []
    (site,) = sites.values()
    assert set(site.purposes) == set(BUILT_IN)
    assert not site.anonymous_totals
    assert all(
        tracker.justification and tracker.reviewed_by for tracker in site.trackers.values() if _necessary(tracker)
    )
    assert [tracker.id for tracker in site.trackers.values() if _necessary(tracker)] == ["choice"]


def _necessary(tracker: object) -> bool:
    return getattr(tracker, "purpose", "") == "necessary"


def test_what_init_comments_out_has_no_mistakes_either(folder: Path) -> None:
    lines = beginning.EXAMPLE.read_text().splitlines()
    table = [
        line[2:] if line.startswith(("# [", '# "')) or (" = " in line and line.startswith("# ")) else line
        for line in lines
    ]
    path = folder / "gatekeeper.toml"
    path.write_text("\n".join(table))

    sites, problems = load_sites(path)

    assert problems == []
    assert {"session", "ads", "research"} <= {*sites["shop"].trackers, *sites["shop"].purposes}
    assert sites["shop"].anonymous_totals
    assert sites["shop"].languages == ("en", "de")
    assert "video" in sites["shop"].texts["de"]["trackers"]
    # What is given there is what there is without it.
    assert sites["shop"].banner == Banner()


def test_init_never_overwrites(run: Run, folder: Path) -> None:
    (folder / "gatekeeper.toml").write_text("mine")
    (folder / "gatekeeper.keys").write_text("my key")

    result = run("init")

    assert result.exit_code == 1
    assert "gatekeeper.toml exists already" in result.stderr
    assert (folder / "gatekeeper.toml").read_text() == "mine"
    assert (folder / "gatekeeper.keys").read_text() == "my key"


def test_init_keeps_a_key_that_is_there(run: Run, folder: Path) -> None:
    (folder / "gatekeeper.keys").write_text("my key")

    result = run("init")

    assert result.exit_code == 0
    assert "Kept gatekeeper.keys" in result.output
    assert (folder / "gatekeeper.keys").read_text() == "my key"


@pytest.mark.parametrize("name", ["Müller & Söhne", 'The "Best" \\ Shop', "[shop]\n# not a comment"])
def test_init_takes_id_name_and_origin_as_they_are(run: Run, folder: Path, name: str) -> None:
    result = run("init", "--site", "my-shop", "--name", name, "--origin", "http://localhost:5000")

    assert result.exit_code == 0, result.output
    sites, _ = load_sites(folder / "gatekeeper.toml")
    site = sites["my-shop"]
    assert (site.name, site.origins) == (name, ("http://localhost:5000",))
    # Without https no cookie can have a prefix, so the notice must not name one.
    assert [cookie.name for cookie in site.trackers["choice"].cookies] == ["gk_choice", "gk_subject"]
    assert "/gk/my-shop/gatekeeper.js" in result.output


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--origin", "shop.example", "an exact origin"),
        ("--origin", "https://shop.example/", "an exact origin"),
        ("--site", "My Shop", "an id of the form"),
        ("--site", "a.b", "an id of the form"),
        ("--name", "", "the site's name"),
    ],
)
def test_init_refuses_values_that_break_a_rule(run: Run, folder: Path, option: str, value: str, rule: str) -> None:
    result = run("init", option, value)

    assert result.exit_code == 1
    assert rule in result.stderr
    assert list(folder.iterdir()) == []


def test_init_writes_into_a_folder_it_is_given(run: Run, folder: Path) -> None:
    (folder / "etc").mkdir()

    result = run("init", "etc")

    assert {path.name for path in (folder / "etc").iterdir()} == {"gatekeeper.toml", "gatekeeper.keys"}
    assert "gatekeeper check --config etc/gatekeeper.toml" in result.output
    assert run("check", "--config", "etc/gatekeeper.toml").exit_code == 0
