"""What several pages do with an account: find who may sign in, count what failed, change some of its fields."""

import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.learners import Invitation
from gatekeeper.core.staff import EVERY_SITE, Role
from gatekeeper.store.books import Account, Entry
from gatekeeper.web.errors import NotFound
from gatekeeper.web.service import Service

#: So many sign-ins may fail at once; then each must wait twice as long as the one before, in seconds.
FREE = 5
LONGEST_WAIT = 15 * 60
_changing = threading.Lock()


def change(service: Service, id: bytes, make: Callable[[Account], Account], entry: Entry | None = None) -> Account:
    """Change an account as it is now, and keep the entry that tells of it.

    :raises NotFound: there is no such account.
    """
    with _changing:
        account = service.store.staff.account(id)
        if account is None:
            raise NotFound("there is no such account")
        changed = make(account)
        service.store.staff.keep(changed, entry)
    return changed


def waits(account: Account, *, now: int) -> bool:
    """Tell whether a sign-in has to wait, as too many failed before it.

    What comes while it waits is not looked at, and counts for nothing: it makes nobody wait longer.
    """
    beyond = account.failures - FREE
    return beyond >= 0 and now < account.failed_at + min(2 ** min(beyond, 20), LONGEST_WAIT)


def fail(service: Service, account: Account, entry: Entry) -> None:
    """Count a sign-in that failed."""
    now = service.now()
    change(service, account.id, lambda held: replace(held, failures=held.failures + 1, failed_at=now), entry)


def is_open(account: Account) -> bool:
    """Tell whether somebody may sign in to an account."""
    return account.ended_at is None


def use_once(service: Service, use: str, account: bytes, what: str, *, until: int) -> bool:
    """Note that something good once is used; tell whether it was good still. Holds over all processes.

    :param until: from when on it would be good no longer anyhow.
    """
    nonce = sha256(b"\0".join([use.encode(), account, what.encode()])).digest()[:16]
    try:
        service.store.use_invitation(Invitation(f"staff.{use}", nonce, until), at=service.now())
    except InvalidInput:
        return False
    return True


def is_last_owner(service: Service, account: Account) -> bool:
    """Tell whether nobody else could open accounts without this one."""
    return owns_all(account) and not any(
        owns_all(other) for other in service.store.staff.accounts() if other.id != account.id
    )


def owns_all(account: Account) -> bool:
    """Tell whether an account is open, and its member may do everything on every site."""
    return is_open(account) and account.roles.get(EVERY_SITE) is Role.OWNER
