"""Read a visit: what the two cookies of one request say, and what both together allow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from . import cookies
from .choices import Choice
from .decisions import Allowed, Decision, Denied, Reason, Visitor, decide, decide_purpose
from .purposes import AgeBand
from .signals import Signal
from .sites import Site
from .tokens import SubjectToken
from .trackers import VISIT


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, with what its visitor said.

    :param visitor: as the ``gk_choice`` cookie has it, which the script may write.
    :param signed: as the ``gk_subject`` cookie has it, which only the service can write; None where there is none.
    """

    site: Site
    visitor: Visitor
    signed: Visitor | None
    token: SubjectToken | None
    now: int
    # What has been decided already. Only names that the site declares are remembered: others can be made up.
    _trackers: dict[str, Decision] = field(default_factory=dict, repr=False, compare=False)
    _purposes: dict[str, Decision] = field(default_factory=dict, repr=False, compare=False)

    def at(self, now: int) -> "Visit":
        """Return this visit at another moment of the same day (UTC), with what has been decided already.

        A decision looks at the day, never at the time: a choice runs out with a day (see ``decisions.expired``).
        """
        return Visit(self.site, self.visitor, self.signed, self.token, now, self._trackers, self._purposes)

    def decide(self, tracker: str) -> Decision:
        """Decide at the server: both cookies must allow it. A script can only narrow what was signed."""
        decision = self._trackers.get(tracker)
        if decision is None:
            decision = self._decide_tracker(tracker)
            if tracker in self.site.trackers:
                self._trackers[tracker] = decision
        return decision

    def _decide_tracker(self, tracker: str) -> Decision:
        decision = decide(tracker, self.visitor, self.site, now=self.now)
        return self._as_signed(decision, lambda signed: decide(tracker, signed, self.site, now=self.now))

    def decide_purpose(self, purpose: str) -> Decision:
        """Decide at the server whether the site itself may keep something for a purpose.

        For the visit log's own purpose that is whether there may be a visit log at all.
        """
        decision = self._purposes.get(purpose)
        if decision is None:
            decision = self._decide_purpose(purpose)
            if purpose in self.site.purposes:
                self._purposes[purpose] = decision
        return decision

    def _decide_purpose(self, purpose: str) -> Decision:
        if purpose == self.site.trackers[VISIT].purpose:
            return self.decide(VISIT)
        decision = decide_purpose(purpose, self.visitor, self.site, now=self.now)
        return self._as_signed(decision, lambda signed: decide_purpose(purpose, signed, self.site, now=self.now))

    def _as_signed(self, decision: Decision, again: Callable[[Visitor], Decision]) -> Decision:
        if not decision or decision.reason is Reason.NECESSARY:
            return decision
        if self.signed is None:
            return Denied(Reason.NO_CHOICE)
        signed = again(self.signed)
        if isinstance(signed, Allowed) and self.token is not None:
            return replace(signed, record=self.token.record)
        return signed

    def grants(self, purpose: str) -> bool:
        """Tell whether a field of an event may be kept for a purpose."""
        return bool(self.decide_purpose(purpose))

    def kept(self, event: str = "") -> Mapping[str, str]:
        """Return the fields that the notice told of to which this visitor agreed, with their purposes.

        :param event: the name of one of the site's own events; empty for all else.
        """
        choice = self.signed.choice if self.signed else None
        if choice is None or choice.notice not in self.site.kept:
            return {}
        return self.site.kept_of_event(choice.notice, event) if event else self.site.kept[choice.notice]


def read_visit(
    site: Site,
    header: str,
    signals: frozenset[Signal],
    read_choice: Callable[[str], Choice | None],
    read_token: Callable[[str], SubjectToken | None],
    *,
    now: int,
) -> Visit:
    """Read the visit of a request.

    :param header: its ``Cookie`` header.
    :param read_choice: reads a ``gk_choice`` value; None for one that cannot be read.
    :param read_token: verifies a ``gk_subject`` value; None for one that nobody signed.
    """
    value, sealed = cookies.read_ours(site, header)
    return visit_of(site, value, sealed, signals, read_choice, read_token, now=now)


def visit_of(
    site: Site,
    value: str,
    sealed: str,
    signals: frozenset[Signal],
    read_choice: Callable[[str], Choice | None],
    read_token: Callable[[str], SubjectToken | None],
    *,
    now: int,
) -> Visit:
    """Return the visit of a request with these cookies; see :func:`read_visit`.

    :param value: of ``gk_choice``; empty where it is absent.
    :param sealed: of ``gk_subject``.
    """
    choice = read_choice(value) if value else None
    token = read_token(sealed) if sealed else None
    signed = read_choice(token.choice) if token else None
    visitor = Visitor(choice, signals, _youngest(choice, signed))
    return Visit(
        site=site,
        visitor=visitor,
        signed=replace(visitor, choice=signed) if signed else None,
        token=token if signed else None,
        now=now,
    )


def _youngest(*choices: Choice | None) -> AgeBand | None:
    bands = [choice.age_band for choice in choices if choice and choice.age_band is not None]
    return min(bands) if bands else None
