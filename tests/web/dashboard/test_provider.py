"""Signing in by a provider: only what it signs for this very sign-in is believed, and it opens no new accounts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from gatekeeper.config import Config, Invalid, load_config
from gatekeeper.core.registry import read_registry
from gatekeeper.core.sign_in import Provider as Asked
from gatekeeper.core.sign_in import SecondFactor, SignIn
from gatekeeper.core.staff import EVERY_SITE, Right, Role
from gatekeeper.store.books import Account
from gatekeeper.web.dashboard import factors, sessions
from gatekeeper.web.service import Service
from tests.web.conftest import KEY, NOON, SHOP, Clock

from .conftest import Staff, signed_in
from .test_rights import call, token
from .vouching import CLIENT, SECRET, Provider, running

ANN = Account(bytes(range(16)), "ann@staff.test", "Ann", {EVERY_SITE: Role.OWNER})


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    with running(Provider(NOON)) as provider:
        yield provider


@pytest.fixture
def config(tmp_path: Path, provider: Provider) -> Config:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    sites, _ = read_registry({"sites": {"shop": SHOP}})
    sign_in = SignIn(provider=Asked(provider.issuer, CLIENT, "secret", "our login"))
    url = f"sqlite:///{tmp_path / 'gatekeeper.db'}"
    return Config(tmp_path / "gatekeeper.toml", sites, url, (KEY,), sign_in=sign_in)


@pytest.fixture
def ann(service: Service) -> Account:
    service.store.staff.keep(ANN)
    return ANN


@pytest.fixture
def browser(app: Any) -> Staff:
    return Staff(app)


class _Stay(HTTPRedirectHandler):
    def http_error_302(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:
        return fp


def at_provider(sent: TestResponse) -> str:
    """Go where we send a browser, and return where the provider sends it then: our path with its query."""
    with build_opener(_Stay).open(sent.headers["Location"]) as answer:
        place = urlsplit(answer.headers["Location"])
    assert place.netloc == "localhost"
    return f"{place.path}?{place.query}"


def begin(browser: Staff, query: str = "") -> TestResponse:
    return browser.get(f"/sign-in/provider{query}")


def come_back(browser: Staff, path: str) -> TestResponse:
    return browser.get(path, {"Sec-Fetch-Site": "cross-site"})


def is_in(browser: Staff) -> bool:
    return browser.get("/dashboard/account").status_code == 200


def test_the_page_offers_it(browser: Staff) -> None:
    page = browser.get("/sign-in?next=/dashboard/shop/").text

    assert "Sign in with our login" in page
    assert 'href="/sign-in/provider?next=/dashboard/shop/"' in page


@pytest.mark.row("SE-26")
def test_whoever_the_provider_vouches_for_is_signed_in(browser: Staff, ann: Account, service: Service) -> None:
    sent = begin(browser, "?next=/dashboard/shop/trackers")
    asked = parse_qs(urlsplit(sent.headers["Location"]).query)

    back = come_back(browser, at_provider(sent))

    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == ["http://localhost/sign-in/back"]
    assert {len(asked[name][0]) for name in ("state", "nonce", "code_challenge")} == {43}
    assert back.headers["Location"] == "/dashboard/shop/trackers"
    assert is_in(browser)
    assert not browser.cookie("gk_provider")
    (entry,) = service.store.staff.entries(None, first=0, before=1 << 40, limit=9)
    assert (entry.action, entry.who, entry.detail) == ("session.begun", "Ann", "provider")


def says(**claims: Any) -> Callable[[Provider], None]:
    return lambda provider: provider.claims.update(claims)


def signs_by_another_key(provider: Provider) -> None:
    provider.shown_key = RSAKey.generate_key(2048, {"kid": "one"})


def signs_by_what_anybody_knows(provider: Provider) -> None:
    provider.algorithm = "HS256"
    provider.key = OctKey.import_key(SECRET * 2)  # type: ignore[assignment]


@pytest.mark.row("SE-26")
@pytest.mark.parametrize(
    "lie",
    [
        says(email="nobody@staff.test"),
        says(email_verified=False),
        says(email_verified="true"),
        says(email=""),
        says(email=["ann@staff.test"]),
        says(nonce="another"),
        says(aud=["another"]),
        says(aud=[CLIENT, "another"]),
        says(azp="another"),
        says(iss="https://evil.example"),
        says(exp=NOON - 61),
        says(iat=NOON + 3600),
        says(at_hash="another"),
        signs_by_another_key,
        signs_by_what_anybody_knows,
    ],
)
def test_nothing_else_that_it_says_is_believed(
    browser: Staff, ann: Account, provider: Provider, lie: Callable[[Provider], None]
) -> None:
    path = at_provider(begin(browser))
    lie(provider)

    page = come_back(browser, path)

    assert page.status_code == 403
    assert "our login:" in page.text
    assert not browser.cookie()
    assert not is_in(browser)


@pytest.mark.row("SE-26")
def test_a_sign_in_ends_in_the_browser_that_began_it(browser: Staff, ann: Account, app: Any, clock: Clock) -> None:
    victim, late = Staff(app), Staff(app)
    begin(victim)
    of_attacker = at_provider(begin(browser))
    of_late = at_provider(begin(late))
    clock.at += sessions.HALFWAY

    assert come_back(victim, of_attacker).status_code == 403
    assert come_back(Staff(app), of_attacker).status_code == 403
    assert come_back(late, of_late).status_code == 403
    assert not is_in(victim)


def test_an_answer_is_good_once(browser: Staff, ann: Account) -> None:
    path = at_provider(begin(browser))
    come_back(browser, path)
    browser.post("/sign-out")

    assert come_back(browser, path).status_code == 403


def test_a_closed_account_stays_closed(browser: Staff, ann: Account, service: Service) -> None:
    service.store.staff.keep(replace(ann, ended_at=1))

    assert come_back(browser, at_provider(begin(browser))).status_code == 403


@pytest.mark.row("SE-26")
def test_a_second_factor_is_asked_all_the_same(browser: Staff, ann: Account, service: Service) -> None:
    service.store.staff.keep(replace(ann, totp=factors.seal((KEY,), ann.id, factors.new_secret())))

    back = come_back(browser, at_provider(begin(browser)))

    assert back.headers["Location"].startswith("/sign-in/code?")
    assert not is_in(browser)


def test_a_sign_in_that_was_broken_off_is_told(browser: Staff, ann: Account) -> None:
    state = parse_qs(urlsplit(begin(browser).headers["Location"]).query)["state"][0]

    assert "access_denied" in come_back(browser, f"/sign-in/back?error=access_denied&state={state}").text


def test_a_provider_that_is_down_leaves_the_password(config: Config, browser: Staff, app: Any) -> None:
    gone = replace(config.sign_in.provider, issuer="http://127.0.0.1:9")  # type: ignore[type-var]
    app.extensions["gatekeeper"].config = replace(config, sign_in=SignIn(provider=gone))

    page = begin(browser)

    assert page.status_code == 503
    assert 'name="password"' in page.text


def test_without_a_provider_there_is_none(browser: Staff, config: Config, app: Any) -> None:
    app.extensions["gatekeeper"].config = replace(config, sign_in=SignIn())

    assert begin(browser).status_code == 404
    assert come_back(browser, "/sign-in/back?code=x&state=y").status_code == 404
    assert "/sign-in/provider" not in browser.get("/sign-in").text


# The settings


@pytest.mark.row("SE-26")
def test_everybody_may_be_asked_for_a_second_factor(app: Any, config: Config, service: Service) -> None:
    service.config = replace(config, sign_in=SignIn(SecondFactor.REQUIRED))
    staff = signed_in(app, {EVERY_SITE: Role.OWNER})
    assert staff.account is not None
    value, _ = token(staff, Right.SEE)

    without = [staff.get(path).status_code for path in ("/dashboard/people", "/dashboard/audit", "/dashboard/account")]
    program = call(staff, "/api/v1/sites", value)
    service.store.staff.keep(replace(staff.account, totp="sealed"))

    assert without == [403, 403, 200]
    assert program == 403
    assert staff.get("/dashboard/people").status_code == 200


def settings(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "gatekeeper.toml"
    file.write_text(text)
    return load_config({"GATEKEEPER_CONFIG": str(file), "GATEKEEPER_SECRET_KEYS": KEY})


SITE = """
[sites.shop]
name = "Shop"
origins = ["https://shop.example"]
controller = { name = "Shop Ltd", address = "1 Street", contact = "privacy@shop.example" }
"""
OIDC = '[staff.oidc]\nissuer = "{}"\nclient_id = "x"\nclient_secret_file = "secret"\n'


def test_the_settings_are_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)
    text = f'{SITE}[staff]\nsecond_factor = "required"\n{OIDC.format("https://login.example/")}'

    found = settings(tmp_path, text).sign_in

    assert found == SignIn(SecondFactor.REQUIRED, Asked("https://login.example", "x", "secret", "login.example"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[staff]\nsecond_factor = "yes"\n', "staff.second_factor"),
        (OIDC.format("http://login.example"), "staff.oidc.issuer"),
        (OIDC.format("login.example"), "staff.oidc.issuer"),
        (OIDC.format("https://a@login.example"), "staff.oidc.issuer"),
        (OIDC.format("https://login.example").replace("secret", "missing"), "staff.oidc.client_secret_file"),
        ('[staff.oidc]\nissuer = "https://login.example"\n', "client_id"),
    ],
)
def test_mistakes_in_the_settings_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "secret").chmod(0o600)

    with pytest.raises(Invalid, match=told):
        settings(tmp_path, SITE + text)
