"""Tag managers: a container runs when anything it loads may, and of its children only those that were granted fire."""

import pytest
from playwright.sync_api import Page

from tests.waiting import wait_until

from .site import ADS, STATS, TUBE, Site
from .visiting import choose, settle

#: What the container loads, by the purpose of each.
CHILDREN = {"analytics": (STATS, "stats"), "marketing": (ADS, "ads")}
#: The sets of what a visitor grants.
SETS = [(), ("analytics",), ("marketing",), ("analytics", "marketing")]


@pytest.fixture
def container(site: Site) -> str:
    """The tag of a container; it inserts the scripts of all its children, as it knows nothing of choices."""
    trackers = site.declared["trackers"]
    children = {name: {**trackers[name], "marked": False} for name in ("stats", "ads")}
    manager = {
        **{**trackers["tube"], "kind": "loader", "purpose": "marketing", "description": "Loads what measures."},
        "loads": ["stats", "ads"],
    }
    others = {name: row for name, row in trackers.items() if name not in (*children, "tube")}
    site.publish_again(trackers={**others, **children, "manager": manager})
    addresses = [site.vendor(host, f"/{name}.js") for host, name in CHILDREN.values()]
    site.scripts["/container.js"] = (
        f"for (const address of {addresses}) {{ const child = document.createElement('script');"
        "child.src = address; document.head.append(child); }"
    )
    source = site.vendor(TUBE, "/container.js")
    return f'<script type="text/plain" data-gk="marketing" data-gk-tracker="manager" data-src="{source}"></script>'


@pytest.mark.parametrize("granted", SETS, ids=lambda names: "+".join(names) or "none")
def test_of_what_a_container_loads_only_the_granted_fires_and_once(
    site: Site, page: Page, container: str, granted: tuple[str, ...]
) -> None:
    page.goto(site.page("/", container))
    settle(page)
    before = list(site.hits)
    choose(page, *granted)
    settle(page)
    # The policy of a page on the screen cannot grow: what it lets through now was let through before the choice.
    on_the_page = [name for name in site.hits if name != "container"]

    site.hits.clear()
    page.goto(site.page("/next", container))

    fired = [CHILDREN[purpose][1] for purpose in granted]
    wait_until(lambda: sorted(site.hits) == sorted([*fired, *(["container"] if fired else [])]))
    settle(page)
    assert (before, on_the_page) == ([], [])
    assert sorted(site.hits) == sorted([*fired, *(["container"] if fired else [])])
    assert sorted(page.evaluate("ran")) == sorted(fired)


def test_a_container_hears_of_a_choice_by_the_data_layer(site: Site, page: Page, container: str) -> None:
    page.goto(site.page("/", container))

    choose(page, "analytics")

    assert page.evaluate("dataLayer") == [{"event": "gatekeeper_choice", "purposes": ["analytics"]}]


def test_after_a_withdrawal_a_container_and_its_children_are_held(site: Site, page: Page, container: str) -> None:
    page.goto(site.page("/", container))
    choose(page, "analytics", "marketing")
    page.goto(site.page("/next", container))
    wait_until(lambda: len(page.evaluate("ran")) == 2)
    page.evaluate("gatekeeper.withdraw()")
    settle(page)
    site.hits.clear()

    page.goto(site.url("/"))
    settle(page)

    assert site.hits == []
