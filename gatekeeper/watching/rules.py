"""The rules of what is wrong with a site: one table of pure functions over counts. None of them knows of a visitor."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from gatekeeper.core.alarms import Kind
from gatekeeper.core.alerts import Limits
from gatekeeper.core.choices import State
from gatekeeper.core.days import local_time
from gatekeeper.core.retention import OVERDUE
from gatekeeper.core.rounds import read_runs, tell
from gatekeeper.core.sightings import Sighting, declares_host
from gatekeeper.core.sites import Site
from gatekeeper.store.books import LiveCheck

HOUR = 3600
#: How far back is looked: a tag that has been quiet for longer is no news.
LOOKS_BACK = 30
#: With what a day is compared.
BEFORE = 7
#: More hosts than this are one mistake, not many.
MOST_HOSTS = 20

#: By day, how often; and by day and name.
Days = Mapping[str, int]
Named = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Pulse:
    """What this process saw of a tracker itself: counts are of whole days, and a day is long.

    :param at: when its count last grew, or this process began to look; seconds since the epoch.
    :param views: page views since then.
    """

    at: int
    views: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at, of one site. Days are its own.

    :param signs: how often each tracker was requested or loaded.
    :param slipped: how often each was reached although it was denied.
    :param views: page views.
    :param choices: by state.
    :param pulses: by tracker.
    :param check: the last of the site's pages; None before the first.
    """

    site: Site
    limits: Limits
    now: int
    signs: Named = field(default_factory=dict)
    slipped: Named = field(default_factory=dict)
    views: Days = field(default_factory=dict)
    choices: Named = field(default_factory=dict)
    sightings: Mapping[Sighting, int] = field(default_factory=dict)
    pulses: Mapping[str, Pulse] = field(default_factory=dict)
    check: LiveCheck | None = None

    def day(self, ago: int) -> str:
        """Return today, or the day some days ago."""
        today = date.fromisoformat(self.site.day_of(self.now))
        return (today - timedelta(days=ago)).isoformat()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one thing.

    :param wrong: None where there is too little to tell: then it stays as it was.
    :param text: what is wrong, with its numbers.
    """

    kind: Kind
    name: str
    wrong: bool | None
    text: str = ""


def silent(facts: Facts) -> Iterator[Verdict]:
    """A tag that fired before and no more, while page views go on."""
    for tracker in facts.site.trackers:
        yield Verdict(Kind.SILENT, tracker, *_silence(facts, tracker))


def _silence(facts: Facts, tracker: str) -> tuple[bool | None, str]:
    ago = next((ago for ago in range(LOOKS_BACK + 1) if facts.signs.get(facts.day(ago), {}).get(tracker)), None)
    if ago is None:
        return None, ""
    heard, views = _end_of(facts, ago), sum(facts.views.get(facts.day(no), 0) for no in range(ago))
    pulse = facts.pulses.get(tracker)
    if pulse is not None and pulse.at < heard:
        heard, views = pulse.at, max(views, pulse.views)
    hours = (facts.now - heard) // HOUR
    if hours < facts.limits.silent_hours:
        return False, ""
    days = [facts.day(no) for no in range(ago, ago + BEFORE)]
    fired = sum(facts.signs.get(day, {}).get(tracker, 0) for day in days)
    seen = sum(facts.views.get(day, 0) for day in days)
    expected = views * fired // seen if seen else 0
    if expected < facts.limits.silent_expected:
        return None, ""
    return True, (
        f"{tracker} was last requested on {facts.day(ago)}. There have been {views} page views since; "
        f"going by the days before, it would have fired about {expected} times."
    )


def _end_of(facts: Facts, ago: int) -> int:
    """Return the end of a day, in seconds since the epoch; of today, now."""
    if ago == 0:
        return facts.now
    local = local_time(facts.now, facts.site.time_zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - timedelta(days=ago - 1)).timestamp())


def choice_rate(facts: Facts) -> Iterator[Verdict]:
    """Yesterday's share of those who agree, beside the seven days before."""
    agreed, of = _agreed(facts, range(1, 2))
    agreed_before, of_before = _agreed(facts, range(2, 2 + BEFORE))
    if min(of, of_before) < facts.limits.choice_least:
        yield Verdict(Kind.CHOICE, "", None)
        return
    # In whole numbers: at exactly the limit no rounding decides.
    change = 100 * (agreed * of_before - agreed_before * of)
    wrong = abs(change) >= facts.limits.choice_points * of * of_before
    share, before = 100 * agreed / of, 100 * agreed_before / of_before
    text = (
        f"On {facts.day(1)} {share:.0f} % of {of} choices agreed to something; "
        f"in the seven days before {before:.0f} % of {of_before}."
    )
    yield Verdict(Kind.CHOICE, "", wrong, text)


def _agreed(facts: Facts, days: Sequence[int]) -> tuple[int, int]:
    rows = [facts.choices.get(facts.day(ago), {}) for ago in days]
    agreed = sum(row.get(State.GRANTED, 0) for row in rows)
    return agreed, agreed + sum(row.get(State.REFUSED, 0) for row in rows)


def slipped(facts: Facts) -> Iterator[Verdict]:
    """Anything that a page reached although it was denied, today or yesterday."""
    today, yesterday = facts.slipped.get(facts.day(0), {}), facts.slipped.get(facts.day(1), {})
    for name in sorted({*today, *yesterday}):
        what = name if name in facts.site.trackers else "something that nothing declares"
        counts = f"{today.get(name, 0)} times today, {yesterday.get(name, 0)} times yesterday"
        yield Verdict(Kind.SLIPPED, name, True, f"Pages reached {what} although it was denied: {counts}.")


def new_host(facts: Facts) -> Iterator[Verdict]:
    """A host that staff browsers met and that nothing declares."""
    first: dict[str, Sighting] = {}
    for seen in sorted(facts.sightings, key=lambda seen: (seen.day, seen.path)):
        if not seen.what.kept and not declares_host(facts.site, seen.name):
            first.setdefault(seen.name, seen)
    for name, seen in list(first.items())[:MOST_HOSTS]:
        text = f"{name} was first seen on {seen.day}, as {seen.what}: {seen.path}."
        yield Verdict(Kind.HOST, name, True, text)


def check_failed(facts: Facts) -> Iterator[Verdict]:
    """The last check of the site's own pages."""
    if facts.check is None:
        yield Verdict(Kind.CHECK, "", None)
    elif facts.check.passed:
        yield Verdict(Kind.CHECK, "", False)
    else:
        yield Verdict(Kind.CHECK, "", True, tell(read_runs(facts.check.detail)) or "It failed, and left no word why.")


#: What each kind of alarm about a site looks at; the words are in gatekeeper.core.alarms.
RULES: Mapping[Kind, Callable[[Facts], Iterator[Verdict]]] = {
    Kind.SILENT: silent,
    Kind.CHOICE: choice_rate,
    Kind.SLIPPED: slipped,
    Kind.HOST: new_host,
    Kind.CHECK: check_failed,
}


def judge(facts: Facts) -> list[Verdict]:
    """Return what all rules say of a site, but those that it does not want to hear of."""
    return [verdict for kind, rule in RULES.items() if kind not in facts.limits.off for verdict in rule(facts)]


def overdue(purged_at: int | None, *, began: int, now: int) -> Verdict:
    """Say whether the purge is overdue: it is one for all sites.

    :param purged_at: when one was last finished; None before the first.
    :param began: since when somebody could have purged.
    """
    hours = (now - (began if purged_at is None else purged_at)) // HOUR
    last = f"The last purge was finished {hours} hours ago."
    none = f"None has been finished yet, in {hours} hours."
    wrong = now - (began if purged_at is None else purged_at) > OVERDUE
    return Verdict(Kind.PURGE, "", wrong, none if purged_at is None else last)
