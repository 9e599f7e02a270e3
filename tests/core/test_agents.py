"""What a user agent string tells."""

import statistics
import time

import crawleruseragents
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.agents import BOT, MAX_AGENT, Agent, _read, read_agent, with_hints

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
#: Programs that no list has yet; `user-agents` alone takes each of them for somebody.
PROGRAMS = [
    "curl/8.14.1",
    "python-requests/2.32",
    "Go-http-client/2.0",
    "Mozilla/5.0",
    "Mozilla/5.0 (compatible; Teabot/1.0; +https://tea.example/bot)",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/141.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36 Chrome-Lighthouse",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/141.0.0.0 Safari/537.36 TeaSpider",
    "TeaShop link checker (it@tea.example)",
]
#: What looks like a program at first sight.
PEOPLE = [
    f"Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 30) {WEBKIT} Chrome/120.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) {SAFARI} Version/18.4 Mobile/15E148 Ecosia ios@11.0.2",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {SAFARI} Mobile/15E148 Instagram 300.0.0.0",
    "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
]


@pytest.mark.parametrize(("text", "agent"), AGENTS, ids=[agent.browser or "none" for _, agent in AGENTS])
def test_browser_system_and_device_are_recognised(text: str, agent: Agent):
    assert read_agent(text) == agent


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_program_is_told_from_a_visitor(text: str):
    assert read_agent(text).device == BOT


@pytest.mark.parametrize("text", PEOPLE)
def test_a_visitor_is_not_taken_for_a_program(text: str):
    assert read_agent(text).device in {"phone", "desktop"}


def test_every_program_that_is_listed_is_found():
    listed = [text for row in crawleruseragents.CRAWLER_USER_AGENTS_DATA for text in row["instances"]]

    missed = [text for text in listed if read_agent(text).device != BOT]

    assert len(listed) > 2000
    assert missed == []


def test_no_string_costs_enough_to_slow_the_service_down():
    """A beacon costs some 120 us: strings made up for every one of them may not double that."""
    read_agent(AGENTS[0][0])
    made_up = [f"{AGENTS[0][0]} {number}" for number in range(500)]
    times = []
    for text in made_up:
        began = time.process_time_ns()
        read_agent(text)
        times.append(time.process_time_ns() - began)

    assert statistics.median(times) < 100_000


def test_as_many_strings_are_remembered_as_an_attacker_with_5000_sends():
    _read.cache_clear()
    for _ in range(2):
        for number in range(5000):
            read_agent(f"curl/{number}")

    assert _read.cache_info().hits == 5000


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


CHROME = Agent("Chrome 141", "Windows", "desktop")
NOT = '"Not?A_Brand";v="8", "Chromium";v="141"'
HINTS = [
    ("", "", CHROME),
    (f'{NOT}, "Google Chrome";v="141"', "", CHROME),
    (f'{NOT}, "Brave";v="141"', "", Agent("Brave 141", "Windows", "desktop")),
    (f'"YaBrowser";v="25", {NOT}', "", Agent("Yandex Browser 25", "Windows", "desktop")),
    (f'{NOT}, "Google Chrome";v="141"', '"15.0.0"', Agent("Chrome 141", "Windows 11", "desktop")),
    (f'{NOT}, "Google Chrome";v="141"', '"13.0.0"', Agent("Chrome 141", "Windows 11", "desktop")),
    (f'{NOT}, "Google Chrome";v="141"', '"10.0.0"', Agent("Chrome 141", "Windows 10", "desktop")),
    (f'{NOT}, "HeadlessChrome";v="141"', "", Agent("Chrome 141", "Windows", "bot")),
    # what nobody's browser sends
    ('"Free text";v="1"', '"0.0.0"', CHROME),
    ('"Brave";v="12345678"', '"x.y"', CHROME),
    ("Brave", '"\u0663.0"', CHROME),
    ('"' * 5000, '"' * 5000, CHROME),
]


@pytest.mark.parametrize(("brands", "platform_version", "agent"), HINTS)
def test_client_hints_make_a_browser_more_exact(brands: str, platform_version: str, agent: Agent):
    assert with_hints(CHROME, brands, platform_version) == agent


def test_a_platform_version_says_nothing_of_other_systems():
    mac = Agent("Chrome 141", "Mac OS X", "desktop")

    assert with_hints(mac, NOT, '"15.0.0"') == mac
