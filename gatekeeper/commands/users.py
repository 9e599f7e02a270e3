"""The staff: who has an account, with which roles, and what they are signed in to.

For whoever has the machine: the first account is opened here, and nobody locks them out. Each command is a short
transaction, so that it works beside a Gatekeeper that serves; who did it stands in the audit trail as the command line.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import click

from gatekeeper.config import Config, load_config
from gatekeeper.core.errors import InvalidInput
from gatekeeper.core.staff import EVERY_SITE, Member, Role
from gatekeeper.databases import is_new
from gatekeeper.store.books import Account, ApiToken, StaffBook
from gatekeeper.store.engines import migrate, open_store

from .common import with_config

_ME = Member(b"", "command line", {})
_DAY = 86_400
_YES = click.option("--yes", is_flag=True, help="Do it; without, it is only said what would be done.")


@dataclass(frozen=True, slots=True)
class _Desk:
    """What a command works with."""

    config: Config
    book: StaffBook
    now: int

    def account(self, email: str) -> Account:
        """Return the account of an address.

        :raises InvalidInput: it has none.
        """
        found = self.book.find(email.strip().lower())
        if found is None:
            raise InvalidInput(f"no account has the address {email!r}: `gatekeeper users list` shows all of them")
        return found


@click.group()
def users() -> None:
    """Open and close accounts of the dashboard.

    \b
    For example:
      gatekeeper users add ann@shop.example --role owner
      gatekeeper users add bob@shop.example --role marketing --site shop
      gatekeeper users password ann@shop.example --reset
      gatekeeper users sessions bob@shop.example --end
    """


@users.command("list")
@with_config
def list_accounts() -> None:
    """Show all accounts.

    Their roles, their second factor, what they are signed in to.
    """
    with _desk() as desk:
        found = desk.book.accounts()
        for account in found:
            click.echo(_summary(desk, account))
        if not found:
            click.echo("Nobody has an account yet: gatekeeper users add EMAIL --role owner")


@users.command()
@click.argument("email")
@click.option("--role", required=True, help=f"One of {', '.join(Role)}.")
@click.option("--site", "sites", multiple=True, metavar="SITE", help="On which site; several times for several. [all]")
@click.option("--name", default="", help="As the dashboard shows it. [what stands before the @]")
@with_config
def add(email: str, role: str, sites: Sequence[str], name: str) -> None:
    """Open an account for EMAIL, or give it a role more.

    Prints a code by which its member sets a password; nothing is sent. An owner of every site may open accounts, too.

    \b
    For example:
      gatekeeper users add ann@shop.example --role owner
      gatekeeper users add bob@shop.example --role marketing --site shop --name "Bob Bell"
    """
    from gatekeeper.web.dashboard import accounts

    if role not in {*Role}:
        raise InvalidInput(f"role {role!r} is not one of {', '.join(Role)}")
    with _desk() as desk:
        accounts.check_sites(sites, desk.config.sites)
        roles = dict.fromkeys(sites or (EVERY_SITE,), Role(role))
        held = desk.book.find(accounts.check_email(email))
        if held is not None and accounts.is_open(held):
            accounts.set_roles(desk.book, held.id, {**held.roles, **roles}, by=_ME, now=desk.now)
            click.echo(f"{held.email} had an account; now: {accounts.say_roles({**held.roles, **roles})}.")
            return
        if held is not None:
            raise InvalidInput(f"the account of {held.email} is closed: gatekeeper users open {held.email}")
        account, code = accounts.open_account(desk.book, email, name, roles, by=_ME, now=desk.now)
        click.echo(f"Opened an account for {account.email}: {accounts.say_roles(roles)}.")
        _show_code(desk, account, code)


@users.command("open")
@click.argument("email")
@with_config
def open_again(email: str) -> None:
    """Open an account that was closed.

    It has the roles that it had, and prints a code by which EMAIL sets a password.
    """
    from gatekeeper.web.dashboard import accounts

    with _desk() as desk:
        account = desk.account(email)
        if accounts.is_open(account):
            raise InvalidInput(f"the account of {account.email} is open: there is nothing to do")
        code = accounts.invite_again(desk.book, account.id, by=_ME, now=desk.now)
        click.echo(f"Opened the account of {account.email} again: {accounts.say_roles(account.roles)}.")
        _show_code(desk, account, code)


@users.command()
@click.argument("email")
@click.option("--reset", is_flag=True, help="Print a code by which its member sets another.")
@click.option("--factor", is_flag=True, help="With --reset: take the second factor off as well.")
@with_config
def password(email: str, *, reset: bool, factor: bool) -> None:
    """Have EMAIL set another password.

    With --reset, which prints a code for it. The password from before is good no longer then, and its sessions and
    tokens end. Without, says whether there is a password.

    \b
    For example, for somebody who lost their telephone, too:
      gatekeeper users password ann@shop.example --reset --factor
    """
    from gatekeeper.web.dashboard import accounts, passwords

    if factor and not reset:
        raise click.UsageError("--factor goes with --reset")
    with _desk() as desk:
        account = desk.account(email)
        if not accounts.is_open(account):
            raise InvalidInput(f"the account of {account.email} is closed: gatekeeper users open {account.email}")
        if not reset:
            state = "has a password" if passwords.is_set(account.password) else "has not set a password yet"
            click.echo(f"{account.email} {state}. Another one: gatekeeper users password {account.email} --reset")
            return
        if factor:
            accounts.take_off_factor(desk.book, account.id, by=_ME, now=desk.now)
        code = accounts.invite_again(desk.book, account.id, by=_ME, now=desk.now)
        _show_code(desk, account, code)


@users.command()
@click.argument("email")
@_YES
@with_config
def close(email: str, *, yes: bool) -> None:
    """Close the account of EMAIL.

    Its sessions and tokens end; what it did stays in the audit trail. The last owner of every site stays.
    """
    from gatekeeper.web.dashboard import accounts

    with _desk() as desk:
        account = desk.account(email)
        click.echo(_summary(desk, account))
        if not yes:
            click.echo("Nothing was changed: this was a dry run. Add --yes to close it.", err=True)
            return
        accounts.close(desk.book, account.id, by=_ME, now=desk.now)
        click.echo("Closed.")


@users.command("sessions")
@click.argument("email")
@click.option("--end", is_flag=True, help="End all of them: whoever has one signs in again.")
@with_config
def show_sessions(email: str, *, end: bool) -> None:
    """Show what EMAIL is signed in to.

    \b
    For example, when a laptop is lost:
      gatekeeper users sessions ann@shop.example --end
    """
    from gatekeeper.web.dashboard import accounts
    from gatekeeper.web.dashboard.audit import moment

    with _desk() as desk:
        account = desk.account(email)
        held = desk.book.sessions(account.id)
        for session in held:
            click.echo(f"{session.agent}, since {moment(session.begun_at)}, last used {moment(session.seen_at)} UTC")
        if end:
            accounts.end_sessions(desk.book, account.id, by=_ME, now=desk.now)
        click.echo(f"{len(held)} sessions{' ended' if end else ''}.")


@users.command("tokens")
@click.argument("email", required=False)
@click.option("--revoke", metavar="ID", help="Revoke the token whose id begins so.")
@with_config
def show_tokens(email: str | None, *, revoke: str | None) -> None:
    """Show the tokens for the API.

    Of EMAIL, or of everybody. The tokens themselves are kept nowhere.

    \b
    For example:
      gatekeeper users tokens ann@shop.example
      gatekeeper users tokens --revoke 3f2a
    """
    with _desk() as desk:
        account = desk.account(email) if email else None
        tokens = [token for token in desk.book.tokens(account.id if account else None) if token.ended_at is None]
        if revoke is not None:
            _revoke(desk, tokens, revoke)
            return
        names = {each.id: each.email for each in desk.book.accounts()}
        for token in tokens:
            click.echo(_token_line(token, names.get(token.account, ""), desk.now))
        if not tokens:
            click.echo("There are none.")


def _revoke(desk: _Desk, tokens: Sequence[ApiToken], beginning: str) -> None:
    from gatekeeper.web.dashboard.audit import line

    found = [token for token in tokens if beginning and token.id.hex().startswith(beginning.lower())]
    if len(found) != 1:
        told = f"id {beginning!r} fits {len(found)} of the tokens that are not revoked, and must fit one"
        raise InvalidInput(f"{told}: `gatekeeper users tokens` shows them")
    entry = line(_ME, "token.revoked", at=desk.now, about=found[0].id.hex(), detail=found[0].name)
    desk.book.keep_token(replace(found[0], ended_at=desk.now), entry)
    click.echo(f"Revoked {found[0].name}.")


def _token_line(token: ApiToken, email: str, now: int) -> str:
    from gatekeeper.web.dashboard.audit import moment

    until = f"until {moment(token.until)[:10]}" if now < token.until else "run out"
    used = moment(token.used_at)[:10] if token.used_at is not None else "never"
    sites = "every site" if EVERY_SITE in token.sites else ", ".join(token.sites)
    return f"{token.id.hex()[:8]}  {email}  {token.name}: {', '.join(token.rights)} on {sites}, {until}, used {used}"


def _summary(desk: _Desk, account: Account) -> str:
    from gatekeeper.web.dashboard import accounts, passwords

    state = [] if passwords.is_set(account.password) else ["no password yet"]
    if not accounts.is_open(account):
        state = ["closed"]
    factor = "second factor on" if account.totp else "second factor off"
    told = [accounts.say_roles(account.roles), factor, f"{len(desk.book.sessions(account.id))} sessions", *state]
    return f"{account.email}  {account.name}: {'; '.join(told)}"


def _show_code(desk: _Desk, account: Account, code: str) -> None:
    from gatekeeper.web.dashboard.passwords import INVITED_FOR

    host = desk.config.staff_hosts[0] if desk.config.staff_hosts else ""
    place = f"https://{host}" if host else "http://localhost:8100 (or the port that `serve` listens on)"
    click.echo(f"""
Give them this, over a way that you trust. It is good once, for {INVITED_FOR // _DAY} days.

  Page:            /sign-in/invitation on {place}
  E-mail address:  {account.email}
  Code:            {code}
""")


@contextmanager
def _desk() -> Iterator[_Desk]:
    config = load_config()
    if is_new(config.database_url):
        migrate(config.database_url)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        yield _Desk(config, store.staff, int(time.time()))
