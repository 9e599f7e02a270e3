"""The gate's headers: what they let a page reach, for each visitor."""

from dataclasses import replace

import pytest

from gatekeeper.core.policy import connection_allowlist, content_policy, gate_headers, matches
from gatekeeper.core.sites import Gate, Mode, Site
from gatekeeper.core.trackers import Kind, Tracker


def tracker(name: str, *hosts: str, marked: bool = False) -> Tracker:
    return Tracker(name, Kind.SCRIPT, "analytics", "self", 30, "", hosts=hosts, marked=marked)


@pytest.fixture
def shop() -> Site:
    trackers = [
        tracker("stats", "stats.example"),
        tracker("ads", "ads.example", "*.ads.example"),
        tracker("chat", "chat.example", marked=True),
    ]
    return Site(
        id="shop",
        name="Shop",
        origins=("https://shop.example",),
        purposes={},
        vendors={},
        trackers={one.id: one for one in trackers},
        controller={},
        hosts=("images.example",),
        gate=Gate(strict=True),
    )


def sources(policy: str, directive: str) -> list[str]:
    """Return what a directive allows; one that is not there falls back (CSP Level 3 section 6.8.3)."""
    found = {words[0]: words[1:] for words in map(str.split, policy.split("; "))}
    return found.get(directive, [] if directive == "form-action" else found["default-src"])


def nothing(_tracker: str) -> bool:
    return False


def everything(_tracker: str) -> bool:
    return True


def test_a_page_reaches_its_own_hosts_those_granted_and_those_marked(shop: Site) -> None:
    policy = dict(gate_headers(shop, lambda name: name == "stats", "/"))["Content-Security-Policy"]

    for directive in ("img-src", "script-src", "connect-src", "frame-src", "form-action"):
        hosts = [source for source in sources(policy, directive) if "." in source and ":" not in source]
        assert hosts == ["shop.example", "images.example", "stats.example", "chat.example"]


def test_a_policy_leaves_code_in_the_page_alone() -> None:
    policy = content_policy([])

    for word in ("'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"):
        assert word in sources(policy, "script-src")
    assert "'unsafe-inline'" in sources(policy, "style-src")


def test_a_host_may_be_reached_by_every_scheme() -> None:
    policy = content_policy(["chat.example", "local.example:8080"])

    for host in ("chat.example", "local.example:8080"):
        assert {host, f"https://{host}", f"wss://{host}", f"ws://{host}"} <= set(sources(policy, "connect-src"))


def test_the_strict_list_names_hosts_of_every_scheme_and_lets_redirects_pass() -> None:
    value = connection_allowlist(["ads.example", "*.ads.example", "local.example:8080"])

    assert value == (
        '(response-origin "*://ads.example/*" "*://*.ads.example/*" "*://local.example:8080/*")'
        ";redirects=allow;webrtc=block"
    )


def test_web_rtc_is_blocked_while_any_host_is_held_back(shop: Site) -> None:
    before = dict(gate_headers(shop, lambda name: name != "ads", "/"))["Connection-Allowlist"]
    after = dict(gate_headers(shop, everything, "/"))["Connection-Allowlist"]

    assert before.endswith("webrtc=block")
    assert after.endswith("webrtc=allow")


@pytest.mark.parametrize("gate", [Gate(mode=Mode.OFF), Gate(tags_only=("/checkout/*",))])
def test_a_lifted_gate_sends_no_header(shop: Site, gate: Gate) -> None:
    assert gate_headers(replace(shop, gate=gate), nothing, "/checkout/pay") == []


def test_only_a_strict_site_sends_the_strict_list(shop: Site) -> None:
    assert [name for name, _ in gate_headers(shop, nothing, "/")] == ["Content-Security-Policy", "Connection-Allowlist"]
    assert [name for name, _ in gate_headers(replace(shop, gate=Gate()), nothing, "/")] == ["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("pattern", "path", "meant"),
    [
        ("/checkout", "/checkout", True),
        ("/checkout", "/checkout/pay", False),
        ("/checkout/*", "/checkout/pay", True),
        ("/checkout/*", "/check", False),
        ("*", "/", True),
    ],
)
def test_a_pattern_means_one_path_or_everything_below(pattern: str, path: str, meant: bool) -> None:
    assert matches(pattern, path) is meant
