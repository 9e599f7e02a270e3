"""`gatekeeper users`: the first account, and the way back in for whoever has the machine."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gatekeeper.app import create_app
from gatekeeper.cli import main
from gatekeeper.config import VARIABLES, load_config
from gatekeeper.core.staff import EVERY_SITE, Right, Role
from gatekeeper.store.books import Account, ApiToken, Session
from gatekeeper.store.contract import Store
from gatekeeper.store.engines import open_store

Run = Callable[..., Result]
ANN = "ann@shop.example"
PASSWORD = "turnip orbit velvet seldom"
NAVIGATION = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a folder with a configuration."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Result:
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    assert call("init").exit_code == 0
    return call


@pytest.fixture
def store(run: Run) -> Iterator[Store]:
    run("users", "list")
    config = load_config()
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        yield store


def code_in(output: str) -> str:
    (code,) = re.findall(r"Code: +([0-9A-Z-]+)", output)
    return str(code)


def find(store: Store, email: str = ANN) -> Account:
    account = store.staff.find(email)
    assert account is not None
    return account


def actions(store: Store) -> list[tuple[str, str]]:
    trail = store.staff.entries(None, first=0, before=1 << 40, limit=99)
    return [(entry.action, entry.who) for entry in reversed(trail)]


@pytest.mark.row("SE-26")
def test_the_first_account_is_opened_here_and_signs_in(run: Run) -> None:
    nobody = run("users", "list")
    added = run("users", "add", ANN.upper(), "--role", "owner", "--name", "Ann Onym")
    app = create_app()
    client = app.test_client()

    def post(path: str, **data: str) -> Any:
        here = {"base_url": "http://localhost", "headers": NAVIGATION, "environ_base": {"REMOTE_ADDR": "127.0.0.1"}}
        return client.post(path, data=data, **here)

    told = {"email": ANN, "code": code_in(added.output), "password": PASSWORD, "again": PASSWORD}
    accepted = post("/sign-in/invitation", **told)
    signed_in = post("/sign-in", email=ANN, password=PASSWORD)
    beside = subprocess.run(
        [sys.executable, "-m", "gatekeeper", "users", "sessions", ANN], capture_output=True, text=True, check=True
    )
    app.extensions["gatekeeper"].store.close()

    assert "Nobody has an account yet" in nobody.output
    assert accepted.headers["Location"] == "/sign-in"
    assert signed_in.headers["Location"] == "/dashboard/"
    assert "1 sessions." in beside.stdout
    assert run("users", "list").output.startswith(f"{ANN}  Ann Onym: owner of every site; second factor off; 1 sess")


def test_a_role_more_is_added_to_an_account(run: Run, store: Store) -> None:
    run("users", "add", ANN, "--role", "marketing", "--site", "shop")
    again = run("users", "add", ANN, "--role", "auditor")

    assert "now: auditor of every site, marketing of shop" in again.output
    assert find(store).roles == {"shop": Role.MARKETING, EVERY_SITE: Role.AUDITOR}
    assert actions(store) == [("account.opened", "command line"), ("account.roles", "command line")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "ann", "--role", "owner"), "'ann' is not an e-mail address"),
        (("add", ANN, "--role", "king"), "role 'king' is not one of owner, marketing, privacy, auditor"),
        (("add", ANN, "--role", "owner", "--site", "shp"), "site 'shp' is not one of shop; '*' is every site"),
        (("password", ANN), f"no account has the address '{ANN}': `gatekeeper users list` shows all of them"),
        (("close", ANN, "--yes"), "no account has the address"),
        (("sessions", ANN), "no account has the address"),
        (("tokens", "--revoke", "3f"), "id '3f' fits 0 of the tokens that are not revoked, and must fit one"),
        (("password", ANN, "--factor"), "--factor goes with --reset"),
        (("add", ANN), "Missing option '--role'"),
    ],
)
def test_mistakes_name_the_value_the_rule_and_the_way_out(run: Run, words: tuple[str, ...], told: str) -> None:
    result = run("users", *words)

    assert result.exit_code != 0
    assert told in result.output


@pytest.mark.row("SE-26")
def test_a_password_is_reset_with_all_that_it_opened(run: Run, store: Store) -> None:
    first = code_in(run("users", "add", ANN, "--role", "owner").output)
    told = run("users", "password", ANN).output
    signed_in(store)

    second = code_in(run("users", "password", ANN, "--reset", "--factor").output)

    assert "has not set a password yet" in told
    assert first != second
    assert find(store).totp == ""
    assert store.staff.sessions(find(store).id) == []
    assert [token.ended_at is None for token in store.staff.tokens()] == [False]


def signed_in(store: Store) -> ApiToken:
    """Give an account a session and a token."""
    whose = find(store).id
    store.staff.begin(Session(b"d" * 32, whose, 1, 1, True, "Firefox 150, Linux"))
    token = ApiToken(b"t" * 16, b"e" * 32, whose, "nightly", frozenset({Right.SEE}), ("shop",), 1, 1 << 32)
    store.staff.keep_token(token)
    return token


def test_sessions_are_shown_and_ended(run: Run, store: Store) -> None:
    run("users", "add", ANN, "--role", "owner")
    signed_in(store)

    shown = run("users", "sessions", ANN)
    ended = run("users", "sessions", ANN, "--end")

    assert "Firefox 150, Linux, since 1970-01-01 00:00" in shown.output
    assert "1 sessions ended." in ended.output
    assert store.staff.sessions(find(store).id) == []


def test_tokens_are_shown_and_revoked(run: Run, store: Store) -> None:
    run("users", "add", ANN, "--role", "owner")
    token = signed_in(store)

    shown = run("users", "tokens", ANN)
    revoked = run("users", "tokens", "--revoke", token.id.hex()[:4])

    assert f"{token.id.hex()[:8]}  {ANN}  nightly: see on shop" in shown.output
    assert "Revoked nightly." in revoked.output
    assert "There are none." in run("users", "tokens").output
    assert actions(store)[-1] == ("token.revoked", "command line")


def test_an_account_is_closed_only_when_one_is_sure(run: Run, store: Store) -> None:
    run("users", "add", ANN, "--role", "owner")
    run("users", "add", "bob@shop.example", "--role", "marketing", "--site", "shop")

    last = run("users", "close", ANN, "--yes")
    unsure = run("users", "close", "bob@shop.example")
    open_still = find(store, "bob@shop.example").ended_at is None
    sure = run("users", "close", "bob@shop.example", "--yes")

    assert "is the last owner of every site" in last.output
    assert "this was a dry run" in unsure.output
    assert open_still
    assert sure.exit_code == 0
    assert "closed" in run("users", "list").output
    assert "gatekeeper users open" in run("users", "password", "bob@shop.example", "--reset").output
    assert "is closed" in run("users", "add", "bob@shop.example", "--role", "owner").output
    assert run("users", "open", "bob@shop.example").exit_code == 0
    assert find(store, "bob@shop.example").ended_at is None


def test_the_page_to_open_is_on_the_hosts_of_staff(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GATEKEEPER_STAFF_HOSTS", "gatekeeper.internal")

    assert "/sign-in/invitation on https://gatekeeper.internal\n" in run("users", "add", ANN, "--role", "owner").output


@pytest.mark.parametrize("words", [(), ("add",), ("password",), ("sessions",), ("tokens",)])
def test_the_help_has_examples(run: Run, words: tuple[str, ...]) -> None:
    assert re.search(r"For example.*:\n +gatekeeper users ", run("users", *words, "--help").output)
