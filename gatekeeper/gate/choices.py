"""Every choice that a web server can tell apart by itself, with the policy that it amounts to.

A web server knows patterns, no rules: so each set of granted purposes is decided here, once, and becomes a row. What
the rows leave out (exceptions for single trackers, lifted signals, minors, anything unreadable) gets the strictest
policy.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import product

from gatekeeper.core.choices import VERSION, Choice, State
from gatekeeper.core.decisions import Visitor, decide
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.policy import DIRECTIVES, Header, content_policy, gate_headers, reachable_hosts
from gatekeeper.core.signals import Signal
from gatekeeper.core.sites import Mode, Site
from gatekeeper.core.trackers import VISIT

#: More purposes than these make too many sets: 2 to the power of their number.
MAX_PURPOSES = 8
#: The signals that a request may carry, under the letters by which rows name them.
SIGNALS: Mapping[str, frozenset[Signal]] = {
    ("g" if gpc else "") + ("d" if dnt else ""): frozenset(
        signal for signal, said in ((Signal.GPC, gpc), (Signal.DNT, dnt)) if said
    )
    for gpc, dnt in product((False, True), repeat=2)
}
_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a page gets.

    :param sources: the hosts, as they stand in each directive, with a space in front.
    :param headers: as :func:`gatekeeper.core.policy.gate_headers` makes them.
    :param logged: whether the visit log is granted.
    """

    sources: str
    headers: tuple[Header, ...]
    logged: bool = False

    @property
    def allowlist(self) -> str:
        """The value of its ``Connection-Allowlist``, empty where it has none."""
        return dict(self.headers).get("Connection-Allowlist", "")


@dataclass(frozen=True, slots=True)
class Said:
    """Choices that amount to the same.

    :param bits: by notice, the purpose bits of their ``gk_choice`` values.
    :param policies: by the signals that come with them, as in :data:`SIGNALS`.
    """

    name: str
    bits: Mapping[int, tuple[str, ...]]
    policies: Mapping[str, Policy]

    def pattern(self, site: Site) -> str:
        """Return a regular expression for their ``gk_choice`` values, of the kind that every server knows."""
        said = "|".join(rf"{no}\.[0-9]{{8}}\.gx?\.(?:{'|'.join(bits)})" for no, bits in self.bits.items())
        return rf"{VERSION}\.{re.escape(site.id)}\.(?:{said})\.0\.(?:-|18)\.0"


@dataclass(frozen=True, slots=True)
class Table:
    """All that a web server needs to know of a site.

    :param strictest: for whoever has not chosen, and whatever is not in the rows.
    :param rows: every other choice.
    """

    site: Site
    strictest: Policy
    rows: tuple[Said, ...]

    @property
    def lifted(self) -> bool:
        """Whether there is no policy at all."""
        return self.site.gate.mode is Mode.OFF

    @property
    def policies(self) -> dict[Policy, str]:
        """Every policy but the strictest, with a number to name it by."""
        found = dict.fromkeys(policy for row in self.rows for policy in row.policies.values())
        found.pop(self.strictest, None)
        return {policy: str(number) for number, policy in enumerate(found, start=1)}


def table_of(site: Site) -> Table:
    """Decide every choice that the site's published notices allow.

    :raises InvalidInput: there are more purposes than a web server can be told of.
    """
    strictest = _policy(site, Visitor())
    found: dict[tuple[Policy, ...], dict[int, list[str]]] = {}
    for no, bits, choice in _choices(site):
        policies = tuple(_policy(site, Visitor(choice, signals)) for signals in SIGNALS.values())
        if policies != (strictest,) * len(SIGNALS):
            found.setdefault(policies, {}).setdefault(no, []).append(bits)
    rows = (
        Said(f"c{number}", {no: tuple(bits) for no, bits in said.items()}, dict(zip(SIGNALS, policies, strict=True)))
        for number, (policies, said) in enumerate(found.items(), start=1)
    )
    return Table(site, strictest, tuple(rows))


def bare_table_of(site: Site) -> Table:
    """Return what a web server needs that asks Gatekeeper about every choice: the strictest policy."""
    return Table(site, _policy(site, Visitor()), ())


def _choices(site: Site) -> Iterator[tuple[int, str, Choice]]:
    for no, notice in sorted(site.notices.items()):
        if len(notice.purposes) > MAX_PURPOSES:
            rule = f"a web server's own configuration knows at most {MAX_PURPOSES} purposes"
            raise InvalidInput(f"notice {no} of site {site.id} asks about {len(notice.purposes)}: {rule}")
        for bits in range(1, 1 << len(notice.purposes)):
            granted = frozenset(name for index, name in enumerate(notice.purposes) if bits >> index & 1)
            yield no, format(bits, "x"), Choice(site.id, no, _DAY, State.GRANTED, granted)


def _policy(site: Site, visitor: Visitor) -> Policy:
    def allows(tracker: str) -> bool:
        return bool(decide(tracker, visitor, site, now=0))

    whole = content_policy(reachable_hosts(site, allows))
    sources = whole.partition(";")[0].removeprefix(DIRECTIVES[0])
    return Policy(sources, tuple(gate_headers(site, allows, "")), logged=allows(VISIT))


def with_sources(variable: str) -> str:
    """Return a content policy with a variable in place of its sources."""
    return "; ".join(f"{directive}{variable}" for directive in DIRECTIVES)
