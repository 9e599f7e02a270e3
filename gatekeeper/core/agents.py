"""What a user agent string tells: browser, system, kind of device, and whether a program sent it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import crawleruseragents
import ua_parser
from ua_parser.matchers import UserAgentMatcher
from ua_parser.regex import Resolver
from user_agents import parsers

#: Longer strings are cut: no browser sends them, and matching time grows with length.
MAX_AGENT = 512
#: More than a busy site sees in an hour, so that whoever makes strings up pays for reading each of them once.
_REMEMBERED = 8192

BOT = "bot"
#: What programs call themselves that nobody has listed yet, as fragments; a browser's own string has none of them.
#: Seen on the 2,123 strings of `crawler-user-agents` 1.67, these alone find 9 of 10; on 6,936 strings of real
#: browsers (`fake-useragent` 2.2) they are never wrong.
_PROGRAMS = (
    r"(^|[^u]|[^c]u)bot([^a-z]|$)",  # not Cubot, which makes phones
    r"crawl|spider|slurp|scrap|harvest|archiv|mirror|snapshot",
    r"fetch|download|check|monitor|uptime|valid|preview|proxy|scan|probe|analy[sz]|test|audit|verif|index|rank",
    r"search|feed|rss|reader|news",
    r"headless|phantomjs|selenium|webdriver|puppeteer|playwright|lighthouse|pagespeed|prerender|electron",
    r"curl|wget|httpie|http[-_ ]?client|http_|https?:|httpx|urllib|aiohttp|requests|libwww|okhttp|axios|undici",
    r"node-|^node|^java|python|perl|ruby|^php|guzzle|^go-|scala|postman|insomnia|winhttp",
    r"[a-z0-9]@[a-z]{2}|[.](com|org|net|io|html?)([^a-z0-9]|$)",
    r"^[^ ]+/[^ ]*$|^mozilla/[0-9.]+ \(compatible;?\)$",  # a bare product, as HTTP libraries send it
)

#: Browsers whose user agent string says Chrome, by what they call themselves in `Sec-CH-UA`. No other names are taken
#: from there: anybody can write one.
_BRANDS = {name: name for name in ("Brave", "DuckDuckGo", "Opera GX", "Vivaldi")} | {"YaBrowser": "Yandex Browser"}
_BRAND = re.compile(r'"([^"]{1,40})";v="([0-9]{1,4})"')
_HEADLESS = "HeadlessChrome"
#: From this platform version on Windows is 11; below it is 10 (Microsoft, "Detect Windows 11 using User-Agent Client
#: Hints"). The user agent string says 10 of both.
_WINDOWS_11 = 13


@dataclass(frozen=True, slots=True)
class Agent:
    """A browser, as far as the visit log keeps it: families, the major version, a class of device."""

    browser: str
    system: str
    device: str


class _UserAgent(parsers.UserAgent):  # type: ignore[misc]  # the package has no types
    """The `user-agents` classes, which know a phone from a tablet, fed by ua-parser's Rust resolver.

    On its own that package parses every string it has not seen in 1 to 2 ms and empties its cache whole: a visitor
    could slow the service down by sending made-up strings.
    """

    def __init__(self, text: str) -> None:
        found = _parser().parse(text).with_defaults()
        agent, system, device = found.user_agent, found.os, found.device
        self.ua_string = text
        self.browser = parsers.parse_browser(agent.family, agent.major, agent.minor, agent.patch)
        self.os = parsers.parse_operating_system(system.family, system.major, system.minor, system.patch)
        self.device = parsers.parse_device(device.family, device.brand, device.model)


@lru_cache(maxsize=1)
def _parser() -> ua_parser.Parser:
    return ua_parser.Parser(Resolver(ua_parser.load_lazy_builtins()))


@lru_cache(maxsize=1)
def _bots() -> ua_parser.Parser:
    """Return what finds programs: those that `crawler-user-agents` lists, and those that speak like one.

    Python's own `re` takes 235 us to look for the 1,504 patterns of that list; ua-parser's engine, which was made for
    such lists, takes 10.
    """
    listed = [UserAgentMatcher(row["pattern"], BOT) for row in crawleruseragents.CRAWLER_USER_AGENTS_DATA]
    return _only_agents([*listed, *(UserAgentMatcher(f"(?i){pattern}", BOT) for pattern in _PROGRAMS)])


def _only_agents(matchers: Sequence[UserAgentMatcher]) -> ua_parser.Parser:
    return ua_parser.Parser(Resolver((list(matchers), [], [])))


def with_hints(agent: Agent, brands: str, platform_version: str) -> Agent:
    """Return a browser as its client hints make it more exact, where it sends them (W3C User-Agent Client Hints).

    :param brands: the ``Sec-CH-UA`` header, which browsers send unasked; empty where there is none.
    :param platform_version: ``Sec-CH-UA-Platform-Version``, which only those send who agreed to the visit log.
    """
    found = dict(_BRAND.findall(brands[:MAX_AGENT]))
    brand = next((name for name in found if name in _BRANDS), None)
    if brand:
        agent = replace(agent, browser=f"{_BRANDS[brand]} {found[brand]}")
    if _HEADLESS in found:
        agent = replace(agent, device=BOT)
    major = platform_version.strip('"').partition(".")[0]
    if agent.system == "Windows" and major.isascii() and major.isdecimal() and int(major[:4]) > 0:
        agent = replace(agent, system="Windows 11" if int(major[:4]) >= _WINDOWS_11 else "Windows 10")
    return agent


def read_agent(text: str) -> Agent:
    """Read a user agent string. What cannot be recognised is "Other"; a program's device is :data:`BOT`."""
    return _read(text[:MAX_AGENT])


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> Agent:
    agent = _UserAgent(text)
    version = str(agent.browser.version[0]) if agent.browser.version else ""
    return Agent(f"{agent.browser.family} {version}".strip(), agent.os.family, _device(text, agent))


def _device(text: str, agent: _UserAgent) -> str:
    if agent.is_bot or _bots().parse_user_agent(text):
        return BOT
    if agent.is_tablet:
        return "tablet"
    if agent.is_mobile:
        return "phone"
    return "desktop" if agent.is_pc else "other"
