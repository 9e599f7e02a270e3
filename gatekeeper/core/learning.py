"""Learning: what staff browsers met becomes proposals for ``gatekeeper.toml``.

A proposal is a form to fill in, never a decision: what only a person can know is left empty, and ``gatekeeper check``
refuses it so. Hosts are taken together where they share their last two labels, three below such as ``co.uk``. That is
a guess: which domains are one company's is written nowhere that a program could read without asking somebody.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .sightings import Seen, Sighting, declares_host, declares_name
from .sites import Site
from .trackers import OWN_VENDOR, VISIT, Kind, Tracker

#: Of each proposal, so many of the paths that were met most are shown.
SHOWN_PATHS = 3

# Second labels below which countries give out names.
_SHARED = {"ac", "co", "com", "edu", "gob", "gov", "ne", "net", "or", "org"}

#: Names that vendors say they keep, by the domains of theirs that set them; a beginning of a name ends with ``*``.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "google-analytics.com": ("_ga", "_ga_*", "_gid", "_gat*"),
    "googletagmanager.com": ("_ga", "_ga_*", "_gid", "_gat*", "_gcl_*"),
    "doubleclick.net": ("_gcl_*", "__gads", "__gpi"),
    "facebook.net": ("_fbp", "_fbc"),
    "facebook.com": ("_fbp", "_fbc"),
    "tiktok.com": ("_ttp", "_tt_*", "ttcsid*"),
    "pinimg.com": ("_pin_*", "_pinterest_*"),
    "pinterest.com": ("_pin_*", "_pinterest_*"),
    "bing.com": ("_uet*",),
    "clarity.ms": ("_clck", "_clsk"),
    "hotjar.com": ("_hj*", "hj*"),
    "hs-scripts.com": ("hubspotutk", "__hs*"),
    "linkedin.com": ("li_*", "ln_or"),
    "licdn.com": ("li_*", "ln_or"),
    "intercom.io": ("intercom*",),
    "matomo.cloud": ("_pk_*", "mtm_*"),
}


@dataclass(slots=True)
class _Group:
    """What was met under one domain; of names that no vendor is known for, the domain is empty."""

    domain: str
    hosts: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    used: set[Seen] = field(default_factory=set)
    paths: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    days: set[str] = field(default_factory=set)
    times: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A tracker that a site may have, as far as browsers can tell.

    :param id: free on this site, for the tracker and for a vendor.
    :param domain: what its hosts share; empty for names that no vendor is known for.
    :param relative: a declared tracker with hosts of the same domain; its vendor is proposed again.
    :param used: how pages used the hosts, and where browsers keep the names.
    :param paths: those met most.
    :param times: how often anything of it was met.
    :param last: the last day of that, an ISO date.
    """

    id: str
    domain: str
    kind: Kind
    hosts: tuple[str, ...]
    names: tuple[str, ...]
    relative: Tracker | None
    used: tuple[Seen, ...]
    paths: tuple[str, ...]
    times: int
    last: str


def propose(site: Site, seen: Mapping[Sighting, int]) -> list[Proposal]:
    """Return a proposal for each domain that a site does not declare, and for the names that are kept besides.

    :param seen: how often each was met. What has been declared since is left out.
    """
    groups = _grouped(site, seen)
    taken = {OWN_VENDOR, VISIT, *site.trackers, *site.vendors}
    proposals = []
    for group in sorted(groups, key=lambda group: (not group.domain, group.domain)):
        proposal = _proposal(site, group, taken)
        taken.add(proposal.id)
        proposals.append(proposal)
    return proposals


def kept_by(hosts: Iterable[str], name: str) -> bool:
    """Tell whether a name is one that the vendor of some hosts says it keeps."""
    return any(_is_among(name, _NAMES.get(domain_of(host), ())) for host in _plain(hosts))


def domain_of(host: str) -> str:
    """Return what a host shares with the hosts it is taken together with; itself for an address or a bare name."""
    labels = host.partition(":")[0].split(".")
    if len(labels) == 1 or labels[-1].isdecimal():
        return host
    below_shared = len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3 if below_shared else -2 :])


def _grouped(site: Site, seen: Mapping[Sighting, int]) -> list[_Group]:
    groups: dict[str, _Group] = {}
    names = []
    for sighting, times in seen.items():
        if sighting.what.kept:
            names.append((sighting, times))
        elif not declares_host(site, sighting.name):
            domain = domain_of(sighting.name)
            group = groups.setdefault(domain, _Group(domain))
            group.hosts.add(sighting.name)
            group.paths[sighting.path] += times
            _count(group, sighting, times)
    for sighting, times in names:
        if not declares_name(site, sighting.name):
            _add_name(groups, sighting, times)
    return list(groups.values())


def _add_name(groups: dict[str, _Group], sighting: Sighting, times: int) -> None:
    owners = [domain for domain, names in _NAMES.items() if domain in groups and _is_among(sighting.name, names)]
    # Cookies and storage have kinds of their own, and no host is known of either.
    key = owners[0] if owners else f":{Kind.COOKIE if sighting.what is Seen.COOKIE else Kind.STORAGE}"
    group = groups.setdefault(key, _Group(""))
    group.names.add(sighting.name)
    _count(group, sighting, times)


def _is_among(name: str, names: Sequence[str]) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in names)


def _count(group: _Group, sighting: Sighting, times: int) -> None:
    group.used.add(sighting.what)
    group.days.add(sighting.day)
    group.times += times


def _proposal(site: Site, group: _Group, taken: set[str]) -> Proposal:
    kind = _kind(group.used)
    relatives = (one for one in site.trackers.values() if group.domain in map(domain_of, _plain(one.hosts)))
    ranked = sorted(group.paths, key=lambda path: (-group.paths[path], path))
    return Proposal(
        id=_free_id(group.domain or f"{kind}-seen", taken),
        domain=group.domain,
        kind=kind,
        hosts=tuple(sorted(group.hosts)),
        names=tuple(sorted(group.names)),
        relative=next(relatives, None),
        used=tuple(what for what in Seen if what in group.used),
        paths=tuple(ranked[:SHOWN_PATHS]),
        times=group.times,
        last=max(group.days),
    )


def _plain(hosts: Iterable[str]) -> Iterator[str]:
    # A pattern stands for a host below what it names.
    yield from (host.replace("*.", "any.", 1) for host in hosts)


def _kind(used: set[Seen]) -> Kind:
    if Seen.SCRIPT in used:
        return Kind.SCRIPT
    if used & {Seen.FRAME, Seen.MEDIA, Seen.STYLE, Seen.FONT}:
        return Kind.EMBED
    if Seen.FORM in used:
        return Kind.FORM
    if all(what.kept for what in used):
        return Kind.COOKIE if Seen.COOKIE in used else Kind.STORAGE
    return Kind.BEACON


def _free_id(domain: str, taken: set[str]) -> str:
    whole = _slug(domain)
    short = whole if domain.rpartition(".")[2].partition(":")[0].isdecimal() else _slug(domain.partition(".")[0])
    numbered = (f"{whole}-{no}" for no in range(2, len(taken) + 3))
    return next(name for name in (short, whole, *numbered) if name not in taken)


def _slug(text: str) -> str:
    slug = re.sub("[^a-z0-9]+", "-", text).strip("-")[:56]
    return slug if slug[:1].isalpha() else f"host-{slug}"


def to_toml(site: Site, proposals: Sequence[Proposal]) -> str:
    """Return proposals as tables of ``gatekeeper.toml``. Each is to be reviewed: what is empty, and what is guessed."""
    return "\n".join(line for proposal in proposals for line in _lines(site, proposal))


def _lines(site: Site, proposal: Proposal) -> Iterator[str]:
    where = f"sites.{site.id}"
    yield f"# {_told(proposal)}"
    if proposal.relative:
        yield f"# The tracker {proposal.relative.id} has hosts of {proposal.domain} too: perhaps these belong to it."
        vendor = proposal.relative.vendor
    elif proposal.domain:
        vendor = proposal.id
        yield f"[{where}.vendors.{vendor}]"
        yield f'name = ""  # the full legal name of whoever runs {proposal.domain}'
        yield 'country = ""  # where it keeps the data, as two letters'
        yield ""
    else:
        vendor = ""
    yield f"[{where}.trackers.{proposal.id}]"
    yield f'kind = "{proposal.kind}"  # guessed'
    yield 'purpose = "marketing"  # the strictest; review it'
    yield f'vendor = "{vendor}"' + ("" if vendor else '  # who sets these? An id from above, or "self"')
    if proposal.hosts:
        yield f"hosts = [{', '.join(map(_quoted, proposal.hosts))}]"
    if proposal.names:
        yield "cookies = ["
        yield from (f'    {{ name = {_quoted(name)}, days = "" }},' for name in proposal.names)
        yield "]  # days: how long each stays, 0 until the browser closes"
    yield 'retention_days = ""  # how long the vendor keeps what it receives'
    yield 'description = ""  # what it does, for your visitors'
    yield ""


def _told(proposal: Proposal) -> str:
    times = "once" if proposal.times == 1 else f"{proposal.times} times"
    paths = f"; for example {' '.join(proposal.paths)}" if proposal.paths else ""
    return f"Seen {times}, last on {proposal.last}, as {', '.join(proposal.used)}{paths}"


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string.
    return json.dumps(text, ensure_ascii=False)
