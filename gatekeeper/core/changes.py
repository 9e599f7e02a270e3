"""Changes: into which parts the rise or fall of a number splits, and since when something is not as it was. Pure.

A number is seen as a product: so many answers, times grants per answer, times visits per grant, and so on. Its change
is split by the logarithmic mean Divisia index (B. W. Ang, "The LMDI approach to decomposition analysis", Energy Policy
33, 2005): the parts add up to the change, nothing is left over, and no order of the factors is better than another.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """A count on the way to a number: each is some part, or some multiple, of the one before.

    :param before: in the period that is compared with; None where it is not measured, and so for ``now``.
    """

    id: str
    before: float | None
    now: float | None


@dataclass(frozen=True, slots=True)
class Factor:
    """What a number is a product of: a count, or how much of a step there is for each of the one before.

    :param of: the step before; empty for the first.
    :param before: None where there was nothing of the step before; and so for ``now``.
    """

    id: str
    of: str
    before: float | None
    now: float | None


@dataclass(frozen=True, slots=True)
class Split:
    """A change and its parts.

    :param effects: of each factor, in their order: together they are ``now - before``. None for a factor that nothing
        can be said of.
    :param weight: the logarithmic mean of both numbers.
    """

    before: float
    now: float
    effects: tuple[float | None, ...]
    weight: float


def factors_of(steps: Sequence[Step]) -> list[Factor]:
    """Return the factors whose product is the last step.

    A step that is not measured is left out, and so is one that is 0 while there is something of a later one; the
    factor after it then stands for both.
    """
    factors: list[Factor] = []
    last = Step("", 1.0, 1.0)
    for no, step in enumerate(steps):
        if _leads(step, steps[no + 1 :]):
            factors.append(Factor(step.id, last.id, _ratio(step.before, last.before), _ratio(step.now, last.now)))
            last = step
    return factors


def _leads(step: Step, later: Sequence[Step]) -> bool:
    if step.before is None or step.now is None:
        return False
    lost_before = step.before == 0 and any(one.before for one in later)
    lost_now = step.now == 0 and any(one.now for one in later)
    return not (lost_before or lost_now)


def _ratio(count: float | None, of: float | None) -> float | None:
    return count / of if count is not None and of else None


def split(factors: Sequence[Factor]) -> Split:
    """Split the change of a product.

    Where it was or becomes 0, the factors that did so share the change: that is the limit as they come near to 0
    (B. W. Ang and N. Liu, "Handling zero values in the LMDI decomposition approach", Energy Policy 35, 2007).
    """
    # Of a factor that is known in one period only, nothing is said but that it stayed as it was.
    known = [_both(factor) for factor in factors]
    before, now = math.prod(pair[0] for pair in known), math.prod(pair[1] for pair in known)
    weight = log_mean(before, now)
    if before > 0 and now > 0:
        effects = [weight * math.log(pair[1] / pair[0]) for pair in known]
    else:
        gone = [(pair[0] == 0) != (pair[1] == 0) for pair in known]
        effects = [(now - before) / sum(gone) if one else 0.0 for one in gone]
    told = [
        None if factor.before is None or factor.now is None else effect
        for factor, effect in zip(factors, effects, strict=True)
    ]
    return Split(before, now, tuple(told), weight)


def _both(factor: Factor) -> tuple[float, float]:
    if factor.before is None:
        return (1.0, 1.0) if factor.now is None else (factor.now, factor.now)
    return (factor.before, factor.before if factor.now is None else factor.now)


def log_mean(a: float, b: float) -> float:
    """Return the logarithmic mean of two numbers, neither of them negative; 0 where one of them is."""
    if a == 0 or b == 0:
        return 0.0
    less, more = min(a, b), max(a, b)
    apart = (more - less) / less
    return less if apart == 0 else (more - less) / math.log1p(apart)


def spread(
    effect: float, weight: float, kept: tuple[float, float], lost: Mapping[str, tuple[float, float]]
) -> dict[str, float]:
    """Split the effect of a factor by the reasons for which it is less than it could be.

    :param weight: of the split that the effect is a part of.
    :param kept: the factor, before and now.
    :param lost: by reason, what it took before and now; all of them and the factor add up to the same in both periods.
    """
    before, now = kept
    if before > 0 and now > 0:
        each = weight / log_mean(before, now)
    else:
        each = effect / (now - before) if now != before else 0.0
    return {reason: each * (was - taken) for reason, (was, taken) in lost.items()}


def whole(parts: Sequence[float], total: int) -> list[int]:
    """Return parts as whole numbers that add up to a total, each as near as can be (the largest remainder)."""
    floors = [math.floor(part) for part in parts]
    if not parts:
        return []
    # The parts add up to the total but for its own rounding: nearly always each gets one more, or none.
    least, more = divmod(total - sum(floors), len(parts))
    order = sorted(range(len(parts)), key=lambda at: floors[at] - parts[at])
    return [floors[at] + least + (at in order[:more]) for at in range(len(parts))]


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a tracker on some pages.

    :param pages: how many were viewed.
    :param fired: how often it did what it is there for.
    :param lost: why it did not otherwise: reasons, and how often.
    """

    pages: int
    fired: int
    lost: Mapping[str, int]

    @property
    def rate(self) -> float | None:
        """How often it fired for each page; None where there was none."""
        return self.fired / self.pages if self.pages else None

    def lost_for(self, reason: str) -> float:
        """Return how often it did not fire for a reason, for each page."""
        return self.lost.get(reason, 0) / self.pages if self.pages else 0.0

    def __add__(self, other: "Fate") -> "Fate":
        reasons = dict.fromkeys([*self.lost, *other.lost])
        lost = {reason: self.lost.get(reason, 0) + other.lost.get(reason, 0) for reason in reasons}
        return Fate(self.pages + other.pages, self.fired + other.fired, lost)


NOTHING = Fate(0, 0, {})

#: A tracker is broken on days on which it fires so much less than usual.
SLACK = 0.2
#: Of what may fire, so much usually does at least: some browsers block, some visitors leave before anything loads.
USUALLY = 0.7
#: The usual rate is the one that is not exceeded on days with so many of the pages.
_QUANTILE = 0.75
#: How far beyond chance it has to be where nothing but absence tells of it, in standard deviations, and in pages.
_BEYOND = 3.0
_LEAST = 3


@dataclass(frozen=True, slots=True)
class Break:
    """Some days, one after another, on which a tracker fired less than it usually does.

    :param first: where it begins and ends among the days: places in their order.
    :param usual: how often it fires for each page otherwise.
    :param rate: and on these days.
    :param why: the reason that grew most.
    """

    first: int
    last: int
    usual: float
    rate: float
    why: str
    lost: float


def find_break(fates: Sequence[Fate], *, faults: frozenset[str], choices: frozenset[str]) -> Break | None:
    """Return the days on which most was lost of a tracker, compared with what is usual; None where nothing was.

    It is the run of days with the largest sum of what is missing, as in a cumulative sum chart (E. S. Page,
    "Continuous inspection schemes", Biometrika 41, 1954).

    :param fates: of each day.
    :param faults: the reasons that are no visitor's doing and leave no doubt.
    :param choices: the reasons that are the visitors' own doing; what only these took is no break.
    """
    usual = _usual(fates, faults)
    run = worst_run([fate.pages * usual * (1 - SLACK) - fate.fired for fate in fates])
    if run is None:
        return None
    first, last = run
    during = sum(fates[first : last + 1], NOTHING)
    other = sum((*fates[:first], *fates[last + 1 :]), NOTHING)
    grown = {reason: during.lost_for(reason) - other.lost_for(reason) for reason in during.lost}
    why = max(grown, key=lambda reason: grown[reason], default="")
    expected = during.pages * usual
    lost = expected - during.fired
    if not why or why in choices:
        return None
    if why not in faults and lost < max(_LEAST, _BEYOND * math.sqrt(expected * max(0.0, 1 - usual))):
        return None
    otherwise = other.rate if other.rate is not None and other.rate > during.fired / during.pages else usual
    return Break(first, last, otherwise, during.fired / during.pages, why, lost)


def _usual(fates: Sequence[Fate], faults: frozenset[str]) -> float:
    could = [(fate.fired + sum(n for why, n in fate.lost.items() if why in faults), fate.pages) for fate in fates]
    did = [(fate.fired, fate.pages) for fate in fates]
    return max(_high(did), USUALLY * _high(could))


def _high(counted: Sequence[tuple[int, int]]) -> float:
    """Return a rate that is high, but not of the few best pages only."""
    rates = sorted((n / pages, pages) for n, pages in counted if pages)
    below, all_pages = 0, sum(pages for _, pages in rates)
    for rate, pages in rates:
        below += pages
        if below >= _QUANTILE * all_pages:
            return rate
    return 0.0


def worst_run(missing: Sequence[float]) -> tuple[int, int] | None:
    """Return where the run with the largest sum begins and ends; None where no sum is more than nothing."""
    best, found = 0.0, None
    total, begin = 0.0, 0
    for at, one in enumerate(missing):
        if total <= 0:
            total, begin = 0.0, at
        total += one
        if total > best:
            best, found = total, (begin, at)
    return found
