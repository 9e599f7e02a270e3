"""`gatekeeper learn`: from an invitation to proposals in gatekeeper.toml, which keeps all that its owner wrote."""

import re
import time
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from gatekeeper.config import load_config, load_sites
from gatekeeper.core.learners import read_invitation
from gatekeeper.core.sightings import Seen, Sighting
from gatekeeper.store.engines import open_store

from .folders import Run, edit

SCRIPT = Sighting("shop", "2026-11-22", Seen.SCRIPT, "cdn.stats.example", "/js")


@pytest.fixture
def file(run: Run, folder: Path) -> Path:
    """The gatekeeper.toml of a site that has published its notice."""
    run("init")
    run("publish")
    return folder / "gatekeeper.toml"


def see(*sightings: Sighting) -> None:
    with closing(open_store(load_config().database_url)) as store:
        store.see(dict.fromkeys(sightings, 1))


def test_it_begins_with_a_code_and_what_to_do_with_it(run: Run, file: Path) -> None:
    output = run("learn").output

    config = load_config()
    (code,) = re.findall(r"^ +([\w-]+\.[\w-]+)$", output, re.MULTILINE)
    assert "https://shop.example/gk/shop/learn\n" in output
    assert read_invitation(config.keys, config.sites["shop"], code, now=int(time.time())).site == "shop"
    assert "It ends after 8 hours, or by a button" in output
    assert code not in run("learn").output, "each browser gets a code of its own"


def test_it_needs_no_database_to_begin(run: Run, folder: Path) -> None:
    run("init")

    assert "/gk/shop/learn" in run("learn").output
    assert not (folder / "gatekeeper.db").exists()


def test_what_was_met_is_proposed_as_toml_on_its_own(run: Run, file: Path) -> None:
    see(SCRIPT)

    for words in (["learn"], ["learn", "--site", "shop", "--show"]):
        result = run(*words)
        tables = tomllib.loads(result.stdout)["sites"]["shop"]
        assert tables["trackers"]["stats"]["hosts"] == ["cdn.stats.example"]
        assert tables["vendors"]["stats"]["country"] == ""
        assert "--write" in result.stderr
    assert "/gk/shop/learn" in run("learn", "--invite").output


def test_write_shows_what_it_would_add_and_adds_nothing(run: Run, file: Path) -> None:
    see(SCRIPT)
    before = file.read_bytes()

    result = run("learn", "--write")

    assert "+[sites.shop.trackers.stats]" in result.stdout.splitlines()
    assert not [line for line in result.stdout.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert "dry run" in result.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize("end", ["\n", "", "\n# the end"])
def test_write_keeps_every_byte_that_was_there_and_adds_behind_it(run: Run, file: Path, end: str) -> None:
    see(SCRIPT)
    file.write_text(file.read_text().rstrip("\n") + end)
    before, declared = file.read_bytes(), tomllib.loads(file.read_text())["sites"]["shop"]

    result = run("learn", "--write", "--yes")

    assert result.exit_code == 0
    assert file.read_bytes().startswith(before)
    after = tomllib.loads(file.read_text())["sites"]["shop"]
    assert after["trackers"].pop("stats")["purpose"] == "marketing"
    assert after["vendors"].pop("stats") == {"name": "", "country": ""}
    assert after == declared


def test_nothing_unreviewed_goes_live(run: Run, file: Path) -> None:
    see(SCRIPT)
    run("learn", "--write", "--yes")

    checked, published = run("check"), run("publish")

    for result in (checked, published):
        assert result.exit_code == 1
        for key in ("vendors.stats.name", "vendors.stats.country", "trackers.stats.retention_days"):
            assert f"sites.shop.{key} = ''" in result.stderr
    for line, filled in (("name", '"Stats Ltd"'), ("country", '"IE"'), ("retention_days", "30"), ("desc", '"Counts."')):
        file.write_text(re.sub(rf'^({line}\w*) = ""', rf"\1 = {filled}", file.read_text(), flags=re.MULTILINE))
    assert run("check").exit_code == 0
    assert "everything that was met is declared" in run("learn").stderr


def test_what_is_declared_is_not_proposed_again(run: Run, file: Path) -> None:
    see(SCRIPT)
    edit(file, 'hosts = ["player.video.example"]', 'hosts = ["player.video.example", "cdn.stats.example"]')
    before = file.read_bytes()

    result = run("learn", "--write", "--yes")

    assert "Nothing to propose" in result.stderr
    assert file.read_bytes() == before


def test_a_file_that_cannot_be_added_to_is_left_alone_with_the_way_out(run: Run, file: Path) -> None:
    see(SCRIPT)
    file.write_text(
        """[sites.shop]
name = "Shop"
origins = ["https://shop.example"]
controller = { name = "Shop Ltd", address = "1 Street", contact = "a@shop.example" }
vendors = { tube = { name = "Tube", country = "IE" } }
"""
    )
    before = file.read_bytes()

    result = run("learn", "--write", "--yes")

    assert result.exit_code == 1
    assert "copy the proposals by hand" in result.stderr
    assert file.read_bytes() == before


def test_forget_begins_anew(run: Run, file: Path) -> None:
    see(SCRIPT)

    assert "1 entries" in run("learn", "--forget").output
    assert "Nothing was met" in run("learn", "--forget").output
    assert "nothing was met yet" in run("learn", "--show").stderr
    assert load_sites(file)[1] == []


def test_only_one_thing_is_done_at_a_time(run: Run, file: Path) -> None:
    for words in (["--show", "--forget"], ["--yes"], ["--invite", "--write"]):
        assert run("learn", *words).exit_code == 2


def test_the_site_is_named_where_there_are_several(run: Run, file: Path) -> None:
    file.write_text(file.read_text() + file.read_text().replace("sites.shop", "sites.blog").replace("shop.ex", "b.ex"))

    result = run("learn")

    assert result.exit_code == 1
    assert "name the site with --site: one of shop, blog" in result.stderr
    assert "https://b.example/gk/blog/learn" in run("learn", "--site", "blog").output
