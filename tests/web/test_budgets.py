"""What the scripts may weigh on the wire, for a site with twenty trackers as real shops declare them."""

from dataclasses import replace

import pytest

from bench import twenty
from gatekeeper.core.languages import TAGS
from gatekeeper.web.bundles import Bundles

KB = 1024


def test_the_measured_site_has_as_many_trackers_as_the_budget_says() -> None:
    site = twenty.published()

    assert len(twenty.declared()["trackers"]) == 20
    assert {tracker.purpose for tracker in site.trackers.values()} == {
        "necessary",
        "functional",
        "analytics",
        "marketing",
    }


def test_the_guard_with_settings_for_twenty_trackers_is_small() -> None:
    assert len(Bundles(twenty.published()).guard.br) <= 4 * KB


def first_visit(tag: str) -> int:
    """Return what the guard and the banner weigh together, for a site that speaks one language."""
    banner = Bundles(replace(twenty.published(), languages=(tag,))).later["banner", tag]
    return len(Bundles(twenty.published()).guard.br) + len(banner.br)


@pytest.mark.parametrize("tag", TAGS)
def test_a_first_visit_loads_little_in_every_language(tag: str) -> None:
    assert first_visit(tag) <= 8 * KB
