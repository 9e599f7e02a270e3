"""What a user agent string tells: browser, system and kind of device."""

from dataclasses import dataclass
from functools import lru_cache

import ua_parser
from ua_parser.regex import Resolver
from user_agents import parsers

#: Longer strings are cut: no browser sends them, and matching time grows with length.
MAX_AGENT = 512
_REMEMBERED = 4096


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


def read_agent(text: str) -> Agent:
    """Read a user agent string. What cannot be recognised is "Other"."""
    return _read(text[:MAX_AGENT])


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str) -> Agent:
    agent = _UserAgent(text)
    version = str(agent.browser.version[0]) if agent.browser.version else ""
    return Agent(f"{agent.browser.family} {version}".strip(), agent.os.family, _device(agent))


def _device(agent: _UserAgent) -> str:
    if agent.is_bot:
        return "bot"
    if agent.is_tablet:
        return "tablet"
    if agent.is_mobile:
        return "phone"
    return "desktop" if agent.is_pc else "other"
