"""Themes: a banner that somebody cannot read is refused, and told what would do."""

import re
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.problems import Problem
from gatekeeper.core.registry import read_registry
from gatekeeper.core.themes import DARK, LIGHT, Banner, Position, Theme, contrast, faults

from .cases import declare
from .test_sites import BARE

ROOT = Path(__file__).parent.parent.parent

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
themes = st.builds(Theme, **dict.fromkeys(asdict(LIGHT), colours))


def problems(banner: dict[str, Any]) -> list[Problem]:
    return read_registry({"sites": {"shop": {**BARE, "banner": banner}}})[1]


# From the W3C's own examples and tools; grey #767676 is the darkest that barely passes on white, #777777 does not.
@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.0),
        ("#0000ff", "#ffffff", 8.59),
        ("#949494", "#ffffff", 3.03),
        ("#959595", "#ffffff", 2.99),
    ],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.row("A5")
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_our_own_themes_have_no_fault(theme: Theme):
    assert list(faults(theme)) == []


@pytest.mark.row("A5")
@pytest.mark.parametrize(
    ("key", "colour", "ratio", "source"),
    [
        ("ink", "#777777", "ink #777777 on paper #ffffff does by 4.4:1", "1.4.3"),
        ("soft", "#777777", "soft #777777 on paper #ffffff does by 4.4:1", "1.4.3"),
        ("line", "#959595", "line #959595 on paper #ffffff does by 2.9:1", "1.4.11"),
        ("fill", "#959595", "fill #959595 on paper #ffffff does by 2.9:1", "1.4.11"),
        ("on", "#1c2733", "on #1c2733 on fill #1c2733 does by 1.0:1", "1.4.3"),
    ],
)
def test_a_colour_that_is_hard_to_tell_is_refused_with_one_that_is_not(key: str, colour: str, ratio: str, source: str):
    found, *others = problems({"light": {key: colour}})

    assert found.key == f"sites.shop.banner.light.{key}"
    assert found.value == repr(colour)
    assert ratio in found.rule
    assert source in found.rule
    assert (
        problems({"light": tomllib.loads("\n".join(each.fix.removeprefix("write ") for each in (found, *others)))})
        == []
    )


@pytest.mark.row("A5")
@pytest.mark.parametrize(
    ("key", "colour"),
    [("ink", "#767676"), ("soft", "#767676"), ("line", "#949494"), ("fill", "#767676"), ("on", "#9ea5ae")],
)
def test_a_colour_that_just_passes_is_taken(key: str, colour: str):
    assert problems({"light": {key: colour}}) == []


@pytest.mark.row("A5")
def test_the_dark_theme_is_looked_at_too_and_with_the_colours_that_were_not_given():
    assert [problem.key for problem in problems({"dark": {"paper": "#ffffff"}})] == [
        "sites.shop.banner.dark.ink",
        "sites.shop.banner.dark.soft",
        "sites.shop.banner.dark.fill",
    ]


@pytest.mark.row("A5")
@given(themes)
def test_a_theme_with_every_better_colour_has_no_fault(theme: Theme):
    better = replace(theme, **{fault.key: fault.better for fault in faults(theme)})

    assert list(faults(better)) == []


@pytest.mark.row("A5")
@given(themes)
def test_a_fault_is_below_its_bound_and_what_is_offered_is_not(theme: Theme):
    for fault in faults(theme):
        bound = 4.5 if "1.4.3" in fault.rule else 3.0
        assert fault.ratio < bound
        assert contrast(fault.better, fault.against) >= bound


def test_a_better_colour_is_near():
    (fault,) = faults(replace(LIGHT, soft="#7777aa"))

    assert fault.better == "#7171a2"


def test_a_site_that_says_nothing_has_our_banner():
    assert declare("shop", BARE).banner == Banner(Position.BOTTOM, LIGHT, DARK, 8)


def test_a_banner_is_as_its_owner_wants_it():
    banner = {"position": "corner", "radius": 0, "light": {"fill": "#0B3D91"}, "dark": {"ink": "#ffffff"}}

    assert declare("shop", {**BARE, "banner": banner}).banner == Banner(
        Position.CORNER, replace(LIGHT, fill="#0b3d91"), replace(DARK, ink="#ffffff"), 0
    )


@pytest.mark.parametrize(
    ("banner", "key", "rule"),
    [
        ({"position": "top"}, "banner.position", "one of bottom, corner, centre"),
        ({"radius": 25}, "banner.radius", "0 to 24"),
        ({"radius": -1}, "banner.radius", "0 to 24"),
        ({"radius": "8px"}, "banner.radius", "0 to 24"),
        ({"light": {"ink": "black"}}, "banner.light.ink", "#rrggbb"),
        ({"light": {"ink": "#000"}}, "banner.light.ink", "#rrggbb"),
        ({"light": {"ink": "#000000\n"}}, "banner.light.ink", "#rrggbb"),
        ({"light": {"ink": "#000000;}"}}, "banner.light.ink", "#rrggbb"),
        ({"light": {"ink": 0}}, "banner.light.ink", "#rrggbb"),
        # White on the black that was meant: nothing is said of a contrast before the colours can be read.
        ({"light": {"paper": "black", "ink": "#ffffff"}}, "banner.light.paper", "#rrggbb"),
        ({"dark": {"inc": "#000000"}}, "banner.dark.inc", "only keys that Gatekeeper knows"),
        ({"dark": "black"}, "banner.dark", "is not of type 'object'"),
    ],
)
def test_a_mistake_names_its_rule(banner: dict[str, Any], key: str, rule: str):
    (found,) = problems(banner)

    assert found.key == f"sites.shop.{key}"
    assert rule in found.rule
    assert found.fix


# --- what is written about it


def test_the_document_lists_every_colour_as_it_is():
    text = (ROOT / "docs" / "banner.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| `(#\w{6})` \| `(#\w{6})` \|", text, re.MULTILINE)

    assert {key: (light, dark) for key, light, dark in rows} == {
        key: (getattr(LIGHT, key), getattr(DARK, key)) for key in asdict(LIGHT)
    }


def test_the_document_shows_what_check_says():
    text = (ROOT / "docs" / "banner.md").read_text("utf-8")

    (found,) = problems({"light": {"soft": "#9a9a9a"}})

    assert f"```\n{found}\n```" in text
