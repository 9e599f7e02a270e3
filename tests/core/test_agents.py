"""What a user agent string tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.agents import MAX_AGENT, Agent, _read, read_agent

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = [
    (
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/120.0.0.0 Safari/537.36",
        Agent("Chrome 120", "Windows", "desktop"),
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
        Agent("Firefox 121", "Linux", "desktop"),
    ),
    (
        f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Version/17.1 Safari/605.1.15",
        Agent("Safari 17", "Mac OS X", "desktop"),
    ),
    (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {SAFARI} Version/17.1 Mobile/15E148 Safari/604.1",
        Agent("Mobile Safari 17", "iOS", "phone"),
    ),
    (
        f"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) {SAFARI} Version/16.6 Mobile/15E148 Safari/604.1",
        Agent("Mobile Safari 16", "iOS", "tablet"),
    ),
    (
        f"Mozilla/5.0 (Linux; Android 13; Pixel 7) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
        Agent("Chrome Mobile 120", "Android", "phone"),
    ),
    (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        Agent("Googlebot 2", "Other", "bot"),
    ),
    ("", Agent("Other", "Other", "other")),
    ("nonsense", Agent("Other", "Other", "other")),
]


@pytest.mark.parametrize(("text", "agent"), AGENTS, ids=[agent.browser or "none" for _, agent in AGENTS])
def test_browser_system_and_device_are_recognised(text: str, agent: Agent):
    assert read_agent(text) == agent


@given(
    st.text(alphabet=st.characters(max_codepoint=255), max_size=300)
    | st.binary(max_size=300).map(lambda raw: raw.decode("latin-1"))
)
def test_any_header_is_read(text: str):
    assert read_agent(text).device in {"bot", "tablet", "phone", "desktop", "other"}


def test_only_the_beginning_of_a_long_string_is_read_and_remembered():
    _read.cache_clear()
    begin = AGENTS[0][0].ljust(MAX_AGENT)

    agents = {read_agent(begin + str(number) * 5000) for number in range(5)}

    assert agents == {AGENTS[0][1]}
    assert _read.cache_info().currsize == 1
