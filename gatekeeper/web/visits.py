"""Read the visit: who is asking, as far as the cookies, signals and headers of one request tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gatekeeper.core import cookies, minimise
from gatekeeper.core.agents import read_agent
from gatekeeper.core.choices import Choice
from gatekeeper.core.decisions import Decision, Denied, Reason, Visitor, decide, decide_purpose
from gatekeeper.core.events import permitted_fields
from gatekeeper.core.purposes import AgeBand
from gatekeeper.core.signals import read_signals
from gatekeeper.core.sites import Site
from gatekeeper.core.tokens import SubjectToken
from gatekeeper.core.trackers import VISIT

from .addresses import client_address
from .http import Request
from .service import Service


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

    def decide(self, tracker: str) -> Decision:
        """Decide at the server: both cookies must allow it. A script can only narrow what was signed."""
        decision = decide(tracker, self.visitor, self.site, now=self.now)
        if not decision or decision.reason is Reason.NECESSARY:
            return decision
        if self.signed is None:
            return Denied(Reason.NO_CHOICE)
        return decide(tracker, self.signed, self.site, now=self.now)

    def grants(self, purpose: str) -> bool:
        """Tell whether a field of an event may be kept for a purpose."""
        if purpose == self.site.trackers[VISIT].purpose:
            return bool(self.decide(VISIT))
        both = [self.visitor, self.signed]
        return all(who is not None and decide_purpose(purpose, who, self.site, now=self.now) for who in both)


def read_visit(service: Service, request: Request, site_id: str) -> Visit:
    """Read the visit of a request.

    :raises NotFound: the site is not declared.
    """
    published = service.published(site_id)
    site = published.site
    header = request.header("HTTP_COOKIE")
    choice = token = signed = None
    if header:
        value = cookies.read_cookie(header, cookies.cookie_name(site, cookies.CHOICE))
        choice = published.read_choice(value) if value else None
        sealed = cookies.read_cookie(header, cookies.cookie_name(site, cookies.SUBJECT))
        token = service.read_token(sealed) if sealed else None
        signed = published.read_choice(token.choice) if token else None
    signals = read_signals(request.environ)
    band = _youngest(choice, signed)
    visitor = Visitor(choice, signals, band)
    return Visit(
        site=site,
        visitor=visitor,
        signed=replace(visitor, choice=signed) if signed else None,
        token=token if signed and signed.site == site.id else None,
        now=service.now(),
    )


def _youngest(*choices: Choice | None) -> AgeBand | None:
    bands = [choice.age_band for choice in choices if choice and choice.age_band is not None]
    return min(bands) if bands else None


def is_visit(request: Request) -> bool:
    """Tell whether somebody is really looking: a prefetch or a HEAD request is no visit, and is never logged."""
    speculative = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ")
    purposes = " ".join(request.header(name) for name in speculative).lower()
    return request.method != "HEAD" and not any(word in purposes for word in ("prefetch", "prerender", "preview"))


def facts_of(service: Service, request: Request, visit: Visit, **more: str) -> dict[str, str]:
    """Return what may be kept about a request: nothing is read unless the visit log is granted.

    :param more: facts that the page told, such as its path and referrer.
    """
    facts: Mapping[str, str] = more
    if visit.grants(visit.site.trackers[VISIT].purpose):
        facts = {**_facts(service, request, visit.site), **more}
    return permitted_fields(facts, visit.grants)


def _facts(service: Service, request: Request, site: Site) -> dict[str, str]:
    agent = read_agent(request.header("HTTP_USER_AGENT"))
    address = client_address(request.environ, service.config.trusted_proxies)
    return {
        "browser": agent.browser,
        "system": agent.system,
        "device": agent.device,
        "language": minimise.first_language(request.header("HTTP_ACCEPT_LANGUAGE")),
        "address": minimise.keep_address(address, site.ip),
    }
