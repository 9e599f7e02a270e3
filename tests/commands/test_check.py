"""`gatekeeper check`: every mistake, and how to mend it."""

import json
import re
from pathlib import Path

import pytest

from gatekeeper import languages
from gatekeeper.core.choices import MAX_VALUE
from gatekeeper.core.languages import TAGS

from .folders import Run, edit


def test_check_finds_every_mistake_and_says_how_to_mend_it(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    edit(
        folder / "gatekeeper.toml", 'purpose = "functional"\nvendor = "videohost"', 'purpose = "fun"\nvendor = "nobody"'
    )
    monkeypatch.setenv("GATEKEEPER_PREFIX", "gk")
    monkeypatch.setenv("GATEKEEPER_SECRET_KEYS", "secret,short")
    monkeypatch.setenv("GATEKEEPER_TRUSTED_PROXIES", "my-proxy")

    result = run("check")

    assert result.exit_code == 1
    assert "6 mistakes" in result.stderr
    for found in (
        "sites.shop.trackers.video.purpose = 'fun'",
        "sites.shop.trackers.video.vendor = 'nobody'",
        "GATEKEEPER_PREFIX = gk",
        "GATEKEEPER_SECRET_KEYS, key 1 of 2",
        "GATEKEEPER_SECRET_KEYS, key 2 of 2",
        "GATEKEEPER_TRUSTED_PROXIES = my-proxy",
    ):
        assert found in result.stderr
    assert result.stderr.count("rule: ") == result.stderr.count("fix:  ") == 6
    assert "short" not in result.stderr.replace("short-", "")


def test_check_names_the_file_that_is_missing(run: Run) -> None:
    result = run("check", "--config", "elsewhere.toml")

    assert result.exit_code == 1
    assert "elsewhere.toml" in result.stderr
    assert "gatekeeper init" in result.stderr


def test_check_sums_up_each_site(run: Run, folder: Path) -> None:
    run("init")

    before = run("check").output
    run("publish")
    edit(folder / "gatekeeper.toml", "Example Company Ltd", "Sample & Sons")
    edit(folder / "gatekeeper.toml", 'country = "IE"', 'country = "US"')
    after = run("check").output

    assert "asks about  functional, analytics, marketing" in before
    assert "choice (necessary), video (functional)" in before
    assert f"of {MAX_VALUE} bytes" in before
    assert "none is published" in before
    assert "controller: name, address, contact as `gatekeeper init` wrote it" in before
    assert "1, behind the configuration: gatekeeper publish shop" in after
    assert "asks again  tracker video" in after
    assert "controller: address, contact as" in after


def test_check_says_what_visitors_cannot_read_in_their_language(run: Run, folder: Path) -> None:
    run("init")
    path = folder / "gatekeeper.toml"
    alone = run("check")
    edit(path, 'language = "en"', 'language = "en"\nlanguages = ["en", "de", "fr", "pt-br"]')
    path.write_text(path.read_text() + '\n[sites.shop.texts.de.trackers.video]\ndescription = "Spielt Filme ab."\n')

    result = run("check")

    assert result.exit_code == 0
    assert "to write" not in alone.output
    german, others = result.output.split("  to write    ")[1:]
    assert german.startswith("de: visitors read these in en")
    assert others.startswith("fr, pt-br: visitors read these in en")
    assert '[sites.shop.texts.de.trackers.choice]\n    description = ""  # Remembers what you chose' in german
    assert 'justification = ""  # Without it you would be asked' in german
    assert "video" not in german
    assert "[sites.shop.texts.fr.trackers.choice]" in others
    assert '[sites.shop.texts.fr.trackers.video]\n    description = ""  # Plays product videos.' in others


def test_what_check_tells_to_write_is_all_that_is_to_write(run: Run, folder: Path) -> None:
    run("init")
    path = folder / "gatekeeper.toml"
    edit(path, 'language = "en"', 'language = "en"\nlanguages = ["en", "de"]')
    told = run("check").output.split("  to write    ")[1].split("\n  to edit")[0].split("\n", 1)[1]
    before = path.read_text()

    path.write_text(before + told)
    empty = run("check")
    path.write_text(before + told.replace('""', '"Steht da."'))
    filled = run("check")

    assert empty.exit_code == 1
    assert "in that language" in empty.stderr
    assert filled.exit_code == 0
    assert "to write" not in filled.output


def test_check_names_the_languages_that_no_person_has_read(run: Run, folder: Path) -> None:
    run("init")
    unread = [tag for tag in TAGS if not languages.words(tag).reviewed]
    line = "a machine translated our own words, and no person has read them yet"
    alone = run("check")
    edit(folder / "gatekeeper.toml", 'language = "en"', f'language = "en"\nlanguages = {json.dumps(TAGS)}')

    result = run("check")

    assert result.exit_code == 0
    assert line not in alone.output
    assert (f"{line}: {', '.join(unread)}\n" in result.output) is bool(unread)


@pytest.mark.row("A5")
def test_check_refuses_colours_that_are_hard_to_tell_and_takes_what_it_offers(run: Run, folder: Path) -> None:
    run("init")
    path = folder / "gatekeeper.toml"
    path.write_text(path.read_text() + '\n[sites.shop.banner.light]\nsoft = "#9a9a9a"\n')

    result = run("check")

    assert result.exit_code == 1
    assert "sites.shop.banner.light.soft = '#9a9a9a'" in result.stderr
    assert "4.5:1 (WCAG 2.2, 1.4.3); soft #9a9a9a on paper #ffffff does by 2.8:1" in result.stderr
    (better,) = re.findall(r'write (soft = "#[0-9a-f]{6}")', result.stderr)
    edit(path, 'soft = "#9a9a9a"', better)
    assert run("check").exit_code == 0


def test_check_says_how_long_a_refusal_holds_where_visitors_may_be_in_the_united_states(run: Run, folder: Path) -> None:
    run("init")
    path, line = folder / "gatekeeper.toml", "write choice_days = 365"
    assert line not in run("check").output

    path.write_text(path.read_text() + '\n[sites.shop.region]\nheader = "CF-IPCountry"\n')
    told = run("check")
    path.write_text(path.read_text().replace("[sites.shop]\n", "[sites.shop]\nchoice_days = 365\n", 1))

    assert (told.exit_code, line in told.output) == (0, True)
    assert line not in run("check").output


def test_check_makes_no_database(run: Run, folder: Path) -> None:
    run("init")
    run("check")

    assert not (folder / "gatekeeper.db").exists()
