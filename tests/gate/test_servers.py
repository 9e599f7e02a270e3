"""The snippets in the real web servers: each visitor gets the policy that the core decides, and the site its due."""

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from gatekeeper.core.choices import State
from gatekeeper.core.decisions import Visitor, decide
from gatekeeper.core.policy import HINTS, content_policy, gate_headers
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.registry import read_registry
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Site
from gatekeeper.gate.serving import Place
from gatekeeper.gate.snippets import Server
from tests.ports import free_port

from .conftest import NOW, SHOP, choice, declare, held, publish, written
from .servers import OWN_POLICY, OWN_TIMING, Answer, Host, ask, host_site, web_server

PURPOSES = ("functional", "analytics", "marketing")
SETS = [granted for size in range(4) for granted in combinations(PURPOSES, size)]
SIGNALS: list[dict[str, str]] = [{}, {"Sec-GPC": "1"}, {"DNT": "1"}, {"Sec-GPC": "1", "DNT": "1"}]
PAGE = {"Sec-Fetch-Dest": "document", "Accept": "text/html"}
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def site() -> Site:
    """The shop after two notices; the newest asks about one vendor anew. The policy is in its strict form."""
    old = declare(gate={**SHOP["gate"], "strict": True})
    moved = declare(
        gate={**SHOP["gate"], "strict": True},
        vendors={**SHOP["vendors"], "ads": {"name": "Ads Inc", "country": "CN"}},
    )
    return publish(moved.with_notices(old.notices.values()))


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with host_site() as host:
        yield host


@pytest.fixture(scope="module", params=Server, ids=str)
def server(request: pytest.FixtureRequest) -> Server:
    return Server(request.param)


@pytest.fixture(scope="module")
def port(server: Server, site: Site, host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A web server in front of the host; nobody listens where Gatekeeper should be."""
    nobody = Place(f"127.0.0.1:{free_port()}")
    with web_server(server, site, tmp_path_factory.mktemp(server), host, nobody) as port:
        yield port


@pytest.fixture
def page(port: int) -> Ask:
    """Ask for a page, with what a visitor holds and a browser says."""

    def get(cookie: str = "", path: str = "/", **more: Any) -> Answer:
        return ask(port, path, {**PAGE, **({"Cookie": cookie} if cookie else {}), **more})

    return get


def expected(site: Site, visitor: Visitor, path: str = "/") -> list[str]:
    """Return the policies that the core makes for a visitor."""
    headers = gate_headers(site, lambda tracker: bool(decide(tracker, visitor, site, now=NOW)), path)
    return [value for _, value in headers]


def policies(answer: Answer) -> list[str]:
    """Return what the gate has set, beside the host's own policy."""
    own = [value for value in answer.all("Content-Security-Policy") if value != OWN_POLICY]
    return [*own, *answer.all("Connection-Allowlist")]


@pytest.mark.row("GPC-03")
@pytest.mark.parametrize("signals", SIGNALS, ids=lambda said: "+".join(said) or "none")
@pytest.mark.parametrize("granted", SETS, ids=lambda granted: "+".join(granted) or "nothing")
def test_every_set_of_purposes_gets_the_policy_of_the_core(
    page: Ask, site: Site, host: Host, granted: tuple[str, ...], signals: dict[str, str]
) -> None:
    said = choice(site, *granted)
    heard = {Signal.GPC: "Sec-GPC", Signal.DNT: "DNT"}
    visitor = Visitor(said, frozenset(signal for signal, name in heard.items() if name in signals))

    answer = page(f"a=b; {held(site, said)}; c=d", **signals)

    assert policies(answer) == expected(site, visitor)
    for name, value in signals.items():
        assert host.seen[-1][name.lower()] == value


def test_a_choice_for_an_older_notice_gets_what_that_notice_covers(page: Ask, site: Site) -> None:
    said = choice(site, *PURPOSES)
    old = type(said)(site.id, 1, said.day, said.state, said.purposes)

    found = policies(page(held(site, old)))

    assert found == expected(site, Visitor(old)) != expected(site, Visitor(said))
    assert "ads.example" not in found[0]
    assert "stats.example" in found[0]


def test_what_cannot_be_told_apart_gets_the_strictest(page: Ask, site: Site) -> None:
    everything = choice(site, *PURPOSES)
    whole = held(site, everything)
    subject = whole.partition("; ")[2]
    name = whole.partition("=")[0]
    cookies = [
        "",
        "nothing=1",
        whole.partition(";")[0],
        subject,
        f"{name}={written(site, everything)}; __Host-gk_subject=",
        f"x{whole}",
        f"{name}=; {whole}",
        f"{held(site, choice(site))}; {whole}",
        held(site, choice(site, state=State.WITHDRAWN), signed=everything),
        held(site, choice(site, *PURPOSES, age_band=AgeBand.FROM_16)),
        held(site, choice(site, *PURPOSES, trackers=frozenset({"ads"}))),
        held(site, choice(site, *PURPOSES, override=frozenset({"marketing"}))),
        f"{name}=1.shop.9.20261122.g.7.0.-.0; {subject}",
        f"{name}=1.shop.2.20261122.g.8.0.-.0; {subject}",
        f"{name}=1.shop.2.20261122.r.7.0.-.0; {subject}",
        f"{name}=1.shop.2.20261122.w.7.0.-.0; {subject}",
        f"{name}=1.shop.2.20261122.gp.7.0.-.0; {subject}",
        f"{name}=1.other.2.20261122.g.7.0.-.0; {subject}",
        f"{name}=1.shop.2.20261122.g.7.0.-.0.; {subject}",
        f"{name}=1.shop.2.20261122.g.07.0.-.0; {subject}",
    ]

    for cookie in cookies:
        assert policies(page(cookie)) == expected(site, Visitor()), cookie


@pytest.mark.parametrize("value", ["0, 1", "1,0", " 1"])
def test_a_signal_among_others_is_heard(page: Ask, site: Site, value: str) -> None:
    said = choice(site, *PURPOSES)

    assert policies(page(held(site, said), **{"Sec-GPC": value})) == expected(
        site, Visitor(said, frozenset({Signal.GPC}))
    )


@pytest.mark.parametrize("value", ["0", "true", "11", "1;x"])
def test_no_other_value_is_a_signal(page: Ask, site: Site, value: str) -> None:
    said = choice(site, *PURPOSES)

    assert policies(page(held(site, said), **{"Sec-GPC": value})) == expected(site, Visitor(said))


@pytest.mark.parametrize("path", ["/", "/missing", "/files/page.html", "/files/missing.html"])
def test_errors_and_files_have_the_policy_too(page: Ask, site: Site, path: str) -> None:
    answer = page(path=path)

    assert answer.status == (404 if "missing" in path else 200)
    assert policies(answer) == expected(site, Visitor())


def test_the_sites_own_headers_survive(page: Ask) -> None:
    answer = page()

    assert OWN_POLICY in answer.all("Content-Security-Policy")
    assert answer.all("X-Frame-Options") == ["DENY"]
    assert answer.body == b"page"


@pytest.mark.parametrize("path", ["/checkout", "/checkout/card?x=1", "/pay", "/pay?x=1"])
def test_a_page_left_to_the_tags_has_no_policy(page: Ask, site: Site, path: str) -> None:
    answer = page(path=path)

    assert policies(answer) == []
    assert answer.all("Cache-Control") == ["public, max-age=60"]
    assert answer.all("ETag") == ['"v1"']
    assert policies(page(path="/pay/other")) == expected(site, Visitor())


@pytest.mark.row("GPC-06")
def test_no_shared_cache_gives_one_visitors_page_to_another(page: Ask) -> None:
    answer = page()

    directives = [part.strip() for value in answer.all("Cache-Control") for part in value.split(",")]
    varies = {part.strip() for value in answer.all("Vary") for part in value.split(",")}
    assert "private" in directives
    assert {"Cookie", "Sec-GPC", "DNT"} <= varies


def test_what_is_the_same_for_everyone_stays_as_cacheable_as_it_was(port: int, site: Site) -> None:
    cookie = held(site, choice(site, *PURPOSES))

    answer = ask(port, "/app.js", {"Sec-Fetch-Dest": "script", "Accept": "*/*", "Cookie": cookie})

    assert answer.all("Cache-Control") == ["public, max-age=60"]
    assert answer.all("ETag") == ['"v1"']
    assert "Cookie" not in "".join(answer.all("Vary"))
    assert policies(answer) == expected(site, Visitor())


def test_a_worker_has_its_visitors_policy(port: int, site: Site) -> None:
    said = choice(site, "analytics")

    answer = ask(port, "/sw.js", {"Sec-Fetch-Dest": "serviceworker", "Accept": "*/*", "Cookie": held(site, said)})

    assert policies(answer) == expected(site, Visitor(said))


@pytest.mark.parametrize("path", ["/", "/files/page.html"])
def test_a_page_has_nothing_by_which_a_browser_could_keep_it_with_its_old_policy(page: Ask, path: str) -> None:
    answer = page(path=path)

    assert answer.status == 200
    assert answer.all("ETag") == answer.all("Last-Modified") == []


def test_a_page_tells_the_guard_how_it_was_asked_for(port: int, host: Host) -> None:
    page = ask(port, "/", PAGE)
    posted = ask(port, "/", PAGE, body=b"tea=1")
    script = ask(port, "/app.js", {"Sec-Fetch-Dest": "script", "Accept": "*/*"}, body=b"tea=1")

    assert sorted(page.all("Server-Timing")) == [OWN_TIMING, 'gk;desc="GET"']
    assert sorted(posted.all("Server-Timing")) == [OWN_TIMING, 'gk;desc="POST"']
    assert script.all("Server-Timing") == [OWN_TIMING]
    assert host.posted[-2:] == [b"tea=1"] * 2


def test_an_error_page_tells_how_its_browser_asked(port: int) -> None:
    """A server makes a GET of it, but to load it again would post the form again."""
    answer = ask(port, "/own-errors/broken", PAGE, body=b"tea=1")

    assert (answer.status, answer.body) == (500, b"sorry")
    assert answer.all("Server-Timing") == ['gk;desc="POST"']


def test_only_those_who_granted_the_log_are_asked_for_details_of_their_browser(page: Ask, site: Site) -> None:
    assert page().all("Accept-CH") == []
    assert page(held(site, choice(site, "marketing"))).all("Accept-CH") == []
    assert page(held(site, choice(site, "analytics"))).all("Accept-CH") == [HINTS]


def test_a_gatekeeper_that_is_not_there_is_an_error_of_its_own_addresses_alone(page: Ask) -> None:
    assert page(path="/gk/shop/gatekeeper.js").status in {502, 503}
    assert policies(page(path="/gk/shop/choices")) == []
    assert page().status == 200


def test_a_lifted_site_has_no_policy(server: Server, site: Site, host: Host, tmp_path: Path) -> None:
    with web_server(server, site.lifted(), tmp_path, host, Place(f"127.0.0.1:{free_port()}")) as port:
        answer = ask(port, "/", PAGE)

    assert (answer.status, policies(answer)) == (200, [])


def test_a_site_that_has_published_nothing_allows_nothing(
    server: Server, site: Site, host: Host, tmp_path: Path
) -> None:
    unpublished = site.with_notices([])

    with web_server(server, unpublished, tmp_path, host, Place(f"127.0.0.1:{free_port()}")) as port:
        found = policies(ask(port, "/", {**PAGE, "Cookie": held(site, choice(site, *PURPOSES))}))

    assert found == expected(unpublished, Visitor())
    assert found[0] == content_policy(["www.shop.example", "images.shop.example", "player.tube.example"])


def test_a_location_with_headers_of_its_own_includes_the_gates(
    server: Server, site: Site, host: Host, port: int
) -> None:
    answer = ask(port, "/own/page", PAGE)

    assert policies(answer) == expected(site, Visitor())
    assert answer.all("X-Own") == (["yes"] if server is Server.NGINX else [])


def test_a_site_with_many_hosts_and_a_hyphen_fits(server: Server, host: Host, tmp_path: Path) -> None:
    many = {**SHOP["trackers"]["ads"], "hosts": [f"cdn-{number}.ads.example" for number in range(200)]}
    tables = {**SHOP, "trackers": {**SHOP["trackers"], "ads": many}, "gate": {"strict": True}}
    sites, _ = read_registry({"sites": {"my-shop": tables}})
    site = publish(sites["my-shop"])
    said = choice(site, "marketing")

    with web_server(server, site, tmp_path, host, Place(f"127.0.0.1:{free_port()}")) as port:
        found = policies(ask(port, "/", {**PAGE, "Cookie": held(site, said)}))

    assert found == expected(site, Visitor(said))
