"""What a store keeps for staff: accounts, what they did, marks, alarms, checks, drafts. Nothing of it is a visitor's.

Every method that changes something takes the entry of the audit trail that tells of it, and keeps both or none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gatekeeper.core.staff import Right, Role


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody of the staff.

    :param id: 16 random bytes.
    :param email: in lower case; no two accounts share one.
    :param password: its Argon2 hash; or what is kept of a code that was given out to set one.
    :param totp: the sealed secret of the second factor; empty while there is none.
    :param recovery: hashes of the recovery codes that are left.
    :param ended_at: when it was closed; None while it is open.
    :param failures: sign-ins that failed since the last that did not; ``failed_at`` is when the last did.
    """

    id: bytes
    email: str
    name: str
    roles: Mapping[str, Role]
    password: str = field(default="", repr=False)
    totp: str = field(default="", repr=False)
    recovery: tuple[str, ...] = field(default=(), repr=False)
    created_at: int = 0
    ended_at: int | None = None
    failures: int = 0
    failed_at: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has signed in.

    :param digest: SHA-256 of what its cookie holds.
    :param complete: whether the second factor was given too.
    :param agent: which browser it is, in words.
    """

    digest: bytes
    account: bytes
    begun_at: int
    seen_at: int
    complete: bool
    agent: str


@dataclass(frozen=True, slots=True)
class ApiToken:
    """What a program carries instead of a session.

    :param id: 16 random bytes.
    :param digest: SHA-256 of the token.
    :param sites: which it is good for; its account's roles limit it too.
    :param used_at: the day of its last use is enough: it is kept no finer.
    """

    id: bytes
    digest: bytes
    account: bytes
    name: str
    rights: frozenset[Right]
    sites: tuple[str, ...]
    created_at: int
    until: int
    used_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the audit trail: who saw or changed what.

    :param who: the name at that time, so that the line outlives the account; ``command line`` for commands.
    :param site: empty for what belongs to none.
    :param action: a word with a dot, such as ``visitor.seen`` or ``account.opened``.
    :param about: what it was done to, by its id.
    :param detail: the rest, in words.
    """

    id: bytes
    at: int
    account: bytes
    who: str
    site: str
    action: str
    about: str = ""
    detail: str = ""


class MarkKind(StrEnum):
    """What happened on a day that numbers may show."""

    NOTICE = "notice"  #: a notice was published
    REGISTRY = "registry"  #: the registry was changed
    MODE = "mode"  #: the policy was lifted, or put back
    GUARD = "guard"  #: another version of the guard is served
    HOST = "host"  #: a host was seen for the first time
    NOTE = "note"  #: somebody of the staff says so


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, beside which numbers are read.

    :param day: ISO date, in the site's time zone.
    :param name: tells two of one kind and day apart: the notice's number, the host. Marking it again changes nothing.
    """

    site: str
    day: str
    kind: MarkKind
    name: str
    text: str
    who: str = ""
    at: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that is wrong, or was.

    :param kind: such as ``silent`` or ``slipped``.
    :param name: of what: a tracker, a host; empty for the site itself.
    :param told_at: when it was sent out; None while it was not.
    :param ended_at: when it was right again; None while it is not.
    """

    site: str
    kind: str
    name: str
    since: int
    text: str
    told_at: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """A run of the check that drives a browser over the site's own pages.

    :param detail: JSON: what was done on which page, and what went out.
    """

    site: str
    at: int
    passed: bool
    detail: str


class DraftState(StrEnum):
    """What has become of a draft."""

    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Draft:
    """A text of the registry as somebody proposes it.

    :param place: the key, with dots: ``trackers.tallyhouse.description``, below the site.
    :param before: what stood there when it was proposed.
    """

    id: bytes
    site: str
    place: str
    before: str
    after: str
    who: str
    at: int
    state: DraftState = DraftState.OPEN
    decided_by: str = ""
    decided_at: int | None = None


class StaffBook(Protocol):
    """Accounts, sessions, tokens and the audit trail."""

    def accounts(self) -> list[Account]:
        """Return all accounts, closed ones too, by their names."""

    def account(self, id: bytes) -> Account | None:
        """Return an account."""

    def find(self, email: str) -> Account | None:
        """Return the account of an e-mail address."""

    def keep(self, account: Account, entry: Entry | None = None) -> None:
        """Add an account, or change it. One that is closed, or whose password changes, keeps no session and no token.

        :raises InvalidInput: another account has the address.
        """

    def change(
        self, id: bytes, make: Callable[[Account, Sequence[Account]], Account], entry: Entry | None = None
    ) -> Account | None:
        """Change an account as it is at that moment, and return it; None where there is none.

        Nothing else changes any account meanwhile, so that nothing is overwritten that was not looked at.

        :param make: gets it and all others, and returns it changed. It is called once or more.
        :raises InvalidInput: ``make`` raises it; nothing is changed then.
        """

    def begin(self, session: Session, entry: Entry | None = None) -> None:
        """Begin a session."""

    def session(self, digest: bytes) -> Session | None:
        """Return a session."""

    def sessions(self, account: bytes) -> list[Session]:
        """Return an account's sessions, the last used first."""

    def touch(self, digest: bytes, *, at: int) -> None:
        """Note that a session is used."""

    def end_session(self, digest: bytes, entry: Entry | None = None) -> None:
        """End a session; one that is not there changes nothing."""

    def end_sessions(self, account: bytes, *, but: bytes = b"", entry: Entry | None = None) -> None:
        """End all sessions of an account, but perhaps one."""

    def forget_sessions(self, *, seen_before: int, begun_before: int) -> None:
        """Forget sessions that have run out."""

    def keep_token(self, token: ApiToken, entry: Entry | None = None) -> None:
        """Add a token, or change it. One that has ended stays ended."""

    def token(self, digest: bytes) -> ApiToken | None:
        """Return a token, ended or not."""

    def tokens(self, account: bytes | None = None) -> list[ApiToken]:
        """Return an account's tokens, or all, the newest first."""

    def note(self, entry: Entry) -> None:
        """Add to the audit trail. Nothing there is changed or deleted, by no method and no SQL of ours."""

    def entries(
        self, sites: Sequence[str] | None, *, first: int, before: int, limit: int, action: str = ""
    ) -> list[Entry]:
        """Return entries of the audit trail from one moment to another, the newest first.

        :param sites: None is all; else these, without what belongs to no site.
        :param action: the beginning of it.
        """


class Marks(Protocol):
    """What happened, day by day."""

    def mark(self, mark: Mark, entry: Entry | None = None) -> bool:
        """Keep a mark; tell whether it is new."""

    def unmark(self, mark: Mark, entry: Entry | None = None) -> None:
        """Forget a mark that somebody made; those of other kinds stay."""

    def marks(self, site: str, first: str, last: str) -> list[Mark]:
        """Return the marks of some days, the newest first."""


class Alarms(Protocol):
    """What is wrong, and what the daily check found."""

    def raise_alarm(self, alarm: Alarm) -> bool:
        """Keep an alarm that is not open already; tell whether it is new."""

    def told(self, alarm: Alarm, *, at: int) -> None:
        """Note that an alarm was sent out."""

    def end_alarm(self, site: str, kind: str, name: str, *, at: int) -> None:
        """Note that something is right again; changes nothing where no alarm is open."""

    def alarms(self, site: str, *, since: int) -> list[Alarm]:
        """Return the open alarms, and those that ended after a moment, the newest first."""

    def keep_check(self, check: LiveCheck) -> None:
        """Keep the outcome of a live check, and forget those older than a year."""

    def checks(self, site: str, *, limit: int) -> list[LiveCheck]:
        """Return the last live checks, the newest first."""


class Drafts(Protocol):
    """Texts that wait for an owner's word."""

    def propose(self, draft: Draft, entry: Entry) -> None:
        """Keep a draft."""

    def decide(self, id: bytes, state: DraftState, entry: Entry, *, by: str, at: int) -> bool:
        """Approve or reject an open draft; tell whether it was open."""

    def draft(self, id: bytes) -> Draft | None:
        """Return a draft."""

    def drafts(self, site: str) -> list[Draft]:
        """Return a site's drafts, the newest first."""
