"""What outcomes, reasons and faults are called, and what each means: for people who write no programs."""

from collections.abc import Mapping
from dataclasses import dataclass

from gatekeeper.core.decisions import Reason, Rule
from gatekeeper.core.trackers import Fault, Outcome


@dataclass(frozen=True, slots=True)
class Words:
    """What something is called.

    :param means: in one plain sentence or two.
    :param mend: what would have to be different; empty where nothing has to.
    """

    title: str
    means: str
    mend: str = ""


OUTCOMES: Mapping[Outcome, Words] = {
    Outcome.RELEASED: Words("Released", "A tag of it in the page was let go, as its visitor allows it."),
    Outcome.REQUESTED: Words("Requested", "The browser asked one of its hosts, as it may. Once for each page."),
    Outcome.LOADED: Words("Loaded", "A tag that was let go has loaded, or has run."),
    Outcome.FAILED: Words(
        "Failed", "A tag that was let go could not load: an ad blocker, the network, or the vendor.", "Try its address."
    ),
    Outcome.BLOCKED: Words("Blocked", "It was held back, as it was not allowed. The reasons say why."),
    Outcome.SLIPPED: Words(
        "Slipped",
        "It reached its host, or kept something in the browser, although it was not allowed.",
        "Mark its tags in the page, and let the server send the policy: see the alarms.",
    ),
}

REASONS: Mapping[Reason, Words] = {
    Reason.NECESSARY: Words("Necessary", "The site cannot work without it, so nobody is asked, and it always runs."),
    Reason.GRANTED: Words("Granted", "The visitor agreed to it."),
    Reason.FAIL_CLOSED: Words(
        "Not declared",
        "The site declares no such tracker, or something about it could not be read. In doubt, nothing runs.",
        "It has to be declared in the registry, and a notice that names it published.",
    ),
    Reason.MINOR: Words(
        "Too young",
        "The visitor is younger than one has to be to agree to this.",
        "Nobody can change it but time: the age stands with the purpose in the registry.",
    ),
    Reason.RESTRICTED: Words(
        "Asked to stop",
        "The visitor asked that nothing more is done with their data, or had it deleted.",
        "The visitor would have to take that back.",
    ),
    Reason.SIGNAL: Words(
        "Browser objects",
        "The visitor's browser says that it does not want this: Global Privacy Control, or Do Not Track.",
        "The visitor would have to allow it although the browser objects, by the separate switch in the banner.",
    ),
    Reason.NO_CHOICE: Words(
        "Not answered",
        "The visitor has not answered the banner yet, or was not asked, or the answer could not be read.",
        "The visitor would have to answer, and to agree.",
    ),
    Reason.REFUSED: Words(
        "Refused",
        "The visitor said no: to everything, to this purpose, or to this recipient.",
        "The visitor would have to agree to its purpose, and not to except its recipient.",
    ),
    Reason.WITHDRAWN: Words(
        "Withdrawn",
        "The visitor had agreed, and took it back.",
        "The visitor would have to agree again.",
    ),
    Reason.EXPIRED: Words(
        "Answer too old",
        "The visitor answered so long ago that the answer no longer counts, and has not answered again.",
        "The visitor would have to answer again.",
    ),
    Reason.OTHER_SITE: Words(
        "Another site's answer",
        "What the browser holds is an answer to another site.",
        "The visitor would have to answer on this site.",
    ),
    Reason.STALE_NOTICE: Words(
        "Not told of it",
        "The notice that the visitor answered does not tell of it as it is now: its purpose, its vendor, the country, "
        "or how long data is kept.",
        "The visitor would have to answer the current notice: the banner asks again.",
    ),
}

FAULTS: Mapping[Fault, Words] = {
    Fault.NOT_FIRST: Words(
        "Not the first script",
        "Another script ran before the guard, and may have done what it liked.",
        "Make the guard's script tag the first in the page's head.",
    ),
    Fault.LATE: Words(
        "Came too late",
        "The guard ran after the page had begun to load other things.",
        "Write its tag into the page's own head, without async or defer.",
    ),
    Fault.OVERRIDDEN: Words(
        "Replaced",
        "Another script replaced something by which the guard holds things back.",
        "Keep that script from it, or from the page.",
    ),
}

#: A page told no reason, or none that is known.
UNTOLD = Words("No reason", "The page told none.")

#: The reasons of those who agree to nothing at all: they are counted only where a site has ``anonymous_totals``.
OF_NOBODY = frozenset({Reason.NO_CHOICE, Reason.WITHDRAWN, Reason.EXPIRED, Reason.OTHER_SITE})
#: The reasons why something does not run, as they are listed.
DENYING = tuple(reason for reason in Reason if reason not in {Reason.NECESSARY, Reason.GRANTED})


_KNOWN: Mapping[str, Words] = {
    **{reason.value: words for reason, words in REASONS.items()},
    **{fault.value: words for fault, words in FAULTS.items()},
}


def words_of(reason: str) -> Words:
    """Return what a reason, or a fault, is called."""
    return _KNOWN.get(reason, UNTOLD)


#: What was allowed, and blocked all the same, met a policy.
STOPPED = Words(
    "Allowed, but stopped",
    "The visitor allows it, but a policy that the page was sent with did not: the site's own, or Gatekeeper's from "
    "before the visitor agreed.",
    "On the next page Gatekeeper's policy lets it through. If not, the site's own policy has to name its hosts.",
)


def words_of_blocked(reason: str) -> Words:
    """Return what a reason is called where something was blocked."""
    return STOPPED if reason in {Reason.GRANTED, Reason.NECESSARY} else words_of(reason)


@dataclass(frozen=True, slots=True)
class Question:
    """A rule of the decision, as a question.

    :param asks: what the rule asks.
    :param passed: what its answer was where it did not decide.
    """

    asks: str
    passed: str


RULES: Mapping[Rule, Question] = {
    Rule.KNOWN: Question(
        "Is it declared, and has the site published a notice?", "Yes. What is not declared does not run."
    ),
    Rule.NECESSARY: Question(
        "Is it something that the site cannot work without?", "No. So it runs only for those who agree."
    ),
    Rule.AGE: Question("Is the visitor too young to agree to it?", "No, as far as anything says how old they are."),
    Rule.STATUS: Question("Has the visitor asked that nothing more is done with their data?", "No."),
    Rule.SIGNAL: Question(
        "Does the visitor's browser object to this purpose?", "No, or the visitor allowed it all the same."
    ),
    Rule.CONSENT: Question(
        "Is there an answer of the visitor's that holds, and that says yes to this?",
        "Yes: to this site, not run out, to a notice that tells of it, and it agrees.",
    ),
    Rule.GRANTED: Question("Then the visitor's yes decides.", "Yes."),
}
