"""What is done with accounts, by pages and by commands: open, invite, change, close; and count sign-ins that failed.

Each change takes the account as it is now, and is kept together with the line of the audit trail that tells of it.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learners import Invitation
from gatekeeper.core.staff import EVERY_SITE, Member, Role
from gatekeeper.store.books import Account, Entry, StaffBook
from gatekeeper.store.contract import Store
from gatekeeper.web.errors import NotFound
from gatekeeper.web.ids import random_id

from . import passwords
from .audit import line

#: So many sign-ins may fail at once; then each must wait twice as long as the one before, in seconds.
FREE = 5
LONGEST_WAIT = 15 * 60
_MAX_EMAIL = 254  # RFC 5321 section 4.5.3.1.3
_MAX_NAME = 80
_EMAIL = re.compile(r"[^\s@<>\"',;\\]+@[^\s@<>\"',;\\]+")


def change(book: StaffBook, id: bytes, make: Callable[[Account], Account], entry: Entry | None = None) -> Account:
    """Change an account as it is at that moment.

    :raises NotFound: there is no such account.
    """
    return _there(book.change(id, lambda held, others: make(held), entry))


def _there(account: Account | None) -> Account:
    if account is None:
        raise NotFound("there is no such account")
    return account


def open_account(
    book: StaffBook, email: str, name: str, roles: Mapping[str, Role], *, by: Member, now: int
) -> tuple[Account, str]:
    """Open an account, and return it with the code by which its member sets a password.

    :raises InvalidInput: the address is none, or has an account; or no role is given.
    """
    email = check_email(email)
    if book.find(email):
        raise InvalidInput(f"{email} has an account: change it, or open another address")
    code, kept = passwords.invite(now=now)
    name = _check_name(name or email.partition("@")[0])
    account = Account(random_id(), email, name, _check_roles(roles), kept, created_at=now)
    book.keep(
        account, line(by, "account.opened", at=now, about=account.id.hex(), detail=f"{email}: {say_roles(roles)}")
    )
    return account, code


def invite_again(book: StaffBook, id: bytes, *, by: Member, now: int) -> str:
    """Return a code by which a member sets another password; the one they have, and what they are signed in to, ends.

    An account that was closed is open again.
    """
    code, kept = passwords.invite(now=now)
    entry = line(by, "account.invited", at=now, about=id.hex(), detail="the password before is good no longer")
    change(book, id, lambda held: replace(held, password=kept, ended_at=None, failures=0, failed_at=0), entry)
    return code


def set_roles(book: StaffBook, id: bytes, roles: Mapping[str, Role], *, by: Member, now: int) -> None:
    """Give a member other roles. What they are signed in to ends: they sign in to what they now may.

    :raises InvalidInput: no role is given, or nobody would be left to open accounts.
    """

    def make(held: Account, others: Sequence[Account]) -> Account:
        return _owned(held, replace(held, roles=_check_roles(roles)), others)

    _there(book.change(id, make, line(by, "account.roles", at=now, about=id.hex(), detail=say_roles(roles))))
    book.end_sessions(id, but=by.session if by.account == id else b"")


def take_off_factor(book: StaffBook, id: bytes, *, by: Member, now: int) -> None:
    """Take the second factor off an account, for somebody who has lost it."""
    entry = line(by, "account.factor", at=now, about=id.hex(), detail="the second factor was taken off")
    change(book, id, lambda held: replace(held, totp="", recovery=()), entry)


def end_sessions(book: StaffBook, id: bytes, *, by: Member, now: int) -> None:
    """End everything that a member is signed in to."""
    book.end_sessions(id, entry=line(by, "session.ended", at=now, about=id.hex(), detail="all sessions"))


def close(book: StaffBook, id: bytes, *, by: Member, now: int) -> None:
    """Close an account; its sessions and tokens end.

    :raises InvalidInput: nobody would be left to open accounts.
    """

    def make(held: Account, others: Sequence[Account]) -> Account:
        return _owned(held, replace(held, ended_at=held.ended_at or now), others)

    _there(book.change(id, make, line(by, "account.closed", at=now, about=id.hex())))


def waits(account: Account, *, now: int) -> bool:
    """Tell whether a sign-in has to wait, as too many failed before it.

    What comes while it waits is not looked at, and counts for nothing: it makes nobody wait longer.
    """
    beyond = account.failures - FREE
    return beyond >= 0 and now < account.failed_at + min(2 ** min(beyond, 20), LONGEST_WAIT)


def fail(book: StaffBook, account: Account, entry: Entry) -> None:
    """Count a sign-in that failed."""
    change(book, account.id, lambda held: replace(held, failures=held.failures + 1, failed_at=entry.at), entry)


def is_open(account: Account) -> bool:
    """Tell whether somebody may sign in to an account."""
    return account.ended_at is None


def use_once(store: Store, use: str, account: bytes, what: str, *, now: int, until: int) -> bool:
    """Note that something good once is used; tell whether it was good still. Holds over all processes.

    :param until: from when on it would be good no longer anyhow.
    """
    nonce = sha256(b"\0".join([use.encode(), account, what.encode()])).digest()[:16]
    try:
        store.use_invitation(Invitation(f"staff.{use}", nonce, until), at=now)
    except InvalidInput:
        return False
    return True


def check_email(email: str) -> str:
    """Return an address as it is kept.

    :raises InvalidInput: it is none.
    """
    email = email.strip().lower()
    if len(email) > _MAX_EMAIL or not _EMAIL.fullmatch(email):
        raise InvalidInput(
            f"{email[:80]!r} is not an e-mail address: write it as name@host, without the name around it"
        )
    return email


def say_roles(roles: Mapping[str, Role]) -> str:
    """Return roles in words."""
    told = {EVERY_SITE: "every site"}
    return ", ".join(f"{roles[site]} of {told.get(site, site)}" for site in sorted(roles))


def check_sites(names: Iterable[str], declared: Iterable[str]) -> None:
    """Check that sites are declared.

    :raises InvalidInput: one is not.
    """
    known = [*declared]
    for name in names:
        if name not in known and name != EVERY_SITE:
            raise InvalidInput(f"site {name[:32]!r} is not one of {', '.join(known)}; {EVERY_SITE!r} is every site")


def _check_roles(roles: Mapping[str, Role]) -> Mapping[str, Role]:
    if not roles:
        raise InvalidInput("no role was chosen: give one on a site, or on every site")
    return roles


def _check_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise InvalidInput(f"{name[:80]!r} is no name: 1 to {_MAX_NAME} characters that can be seen")
    return name


def _owned(held: Account, changed: Account, others: Sequence[Account]) -> Account:
    """Return a changed account, where somebody is left who owns every site."""
    if _owns_all(held) and not _owns_all(changed) and not any(_owns_all(other) for other in others):
        raise InvalidInput(f"{held.name} is the last owner of every site: make somebody else one first")
    return changed


def _owns_all(account: Account) -> bool:
    return is_open(account) and account.roles.get(EVERY_SITE) is Role.OWNER
