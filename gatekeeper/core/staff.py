"""Staff: who may see and do what in the dashboard. The one table of it; every staff route names the right it needs.

Roles are given for each site, or for all of them (OWASP ASVS 8.2: rights are checked for each function and each
thing).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

#: In place of a site: all of them, and what belongs to none.
EVERY_SITE = "*"


class Role(StrEnum):
    """What somebody is to a site."""

    OWNER = "owner"
    MARKETING = "marketing"
    PRIVACY = "privacy"
    AUDITOR = "auditor"


class Right(StrEnum):
    """What a page or an action needs."""

    #: Counts and charts, with nobody in them.
    SEE = "see"
    #: What the log holds of one visit, its address too.
    SEE_VISITOR = "see_visitor"
    #: Take counts along: files, reports, tokens for the API.
    EXPORT = "export"
    #: Mark a day, so that others know what happened on it.
    MARK = "mark"
    #: Propose a text for the registry.
    DRAFT = "draft"
    #: Let a proposal into the registry.
    APPROVE = "approve"
    #: Who saw or changed what.
    SEE_AUDIT = "see_audit"
    #: Accounts, roles and everybody's sessions.
    MANAGE = "manage"


#: Counts are everybody's. The auditor changes nothing, and takes nothing along but what is asked for an audit.
RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.OWNER: frozenset(Right),
        Role.MARKETING: frozenset({Right.SEE, Right.EXPORT, Right.MARK, Right.DRAFT}),
        Role.PRIVACY: frozenset({Right.SEE, Right.SEE_VISITOR, Right.EXPORT, Right.MARK, Right.DRAFT, Right.SEE_AUDIT}),
        Role.AUDITOR: frozenset({Right.SEE, Right.EXPORT, Right.SEE_AUDIT}),
    }
)
#: What a role gives only where it is held for every site: an account may open several.
_EVERYWHERE = frozenset({Right.MANAGE})


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is signed in, or a program that carries one of their tokens.

    :param account: 16 bytes.
    :param name: as it is shown, and as the audit trail has it.
    :param roles: by site, or :data:`EVERY_SITE`.
    :param only: the rights that a token was limited to; None is no limit.
    :param session: the digest of the session; empty for a token.
    """

    account: bytes
    name: str
    roles: Mapping[str, Role]
    only: frozenset[Right] | None = None
    session: bytes = b""

    def may(self, right: Right, site: str = EVERY_SITE) -> bool:
        """Tell whether a right is held for a site; without one, for every site."""
        if right in _EVERYWHERE:
            site = EVERY_SITE
        if self.only is not None and right not in self.only:
            return False
        held = {self.roles[place] for place in (site, EVERY_SITE) if place in self.roles}
        return any(right in RIGHTS[role] for role in held)

    def sites(self, declared: Iterable[str]) -> list[str]:
        """Return the sites whose counts may be seen, in their order."""
        return [site for site in declared if self.may(Right.SEE, site)]
