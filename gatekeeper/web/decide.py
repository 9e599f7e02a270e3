"""Decisions with their reasons, for the site's own server and for whoever wonders why something did not fire."""

from typing import Annotated

import msgspec

from gatekeeper.core.decisions import Reason

from .http import Request, Response, json_response, read_json
from .service import Service
from .visits import read_visit


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """Which trackers to decide about; none means all that are declared."""

    trackers: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=500)] = []


class Decided(msgspec.Struct):
    """Whether a tracker may fire, and why."""

    allowed: bool
    reason: Reason


class Decisions(msgspec.Struct):
    """A decision for each tracker."""

    decisions: dict[str, Decided]


def decisions(service: Service, request: Request, site: str) -> Response:
    """Decide about trackers for whoever's cookies and signals the request carries. Nothing is recorded."""
    visit = read_visit(service, request, site)
    question = read_json(request.body(), Question)
    found = {name: visit.decide(name) for name in question.trackers or visit.site.trackers}
    told = {name: Decided(bool(decision), decision.reason) for name, decision in found.items()}
    return json_response(Decisions(told)).adding(("Vary", "Cookie, Sec-GPC, DNT"))
