"""Delete what was logged, on the word of a visitor who has just withdrawn: the answer to that brings the ticket."""

from typing import Literal

import msgspec

from gatekeeper.core.decisions import Status
from gatekeeper.core.errors import BadToken, InvalidInput
from gatekeeper.core.visits import Visit

from .http import Request, Response, json_response, read_json
from .service import Service

#: How long a ticket counts, in seconds: the question is asked at once.
LASTS = 86_400


class Erasure(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked: the ticket, and nothing about anybody."""

    ticket: str


class Erased(msgspec.Struct):
    """That it is done."""

    state: Literal["erased"] = "erased"


def ticket(service: Service, visit: Visit) -> str:
    """Return what lets the log of the subject of a visit be deleted, and no other."""
    subject = visit.token.subject.hex() if visit.token else ""
    return service.erasures.sign([visit.site.id, subject, visit.now])


def post(service: Service, request: Request, site: str) -> Response:
    """Delete what is held about the subject of a ticket: their key is destroyed, and with it all that it sealed."""
    service.published(site)
    delete(service, site, read_json(request.body(), Erasure).ticket)
    return json_response(Erased())


def delete(service: Service, site: str, told: str) -> None:
    """Delete what is held about the subject of a ticket.

    :raises InvalidInput: it is no ticket of ours for this site, or not any more.
    """
    try:
        held, subject, given = service.erasures.verify(told)
    except (BadToken, TypeError, ValueError) as error:
        raise InvalidInput("no ticket of ours: withdraw, and the answer brings one") from error
    if held != site or service.now() - given > LASTS:
        raise InvalidInput("a ticket of another site, or of yesterday: it counts for a day")
    service.store.block(site, bytes.fromhex(subject), Status.ERASED, at=service.now())
