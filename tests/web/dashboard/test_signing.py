"""Signing in: what is asked, what is told, what a session is, and how long it lasts."""

import re
from dataclasses import replace
from hashlib import sha512
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher, extract_parameters
from werkzeug.test import TestResponse

from gatekeeper.app import create_app
from gatekeeper.config import Config
from gatekeeper.core.staff import EVERY_SITE, Member, Role
from gatekeeper.store.books import Account, Entry
from gatekeeper.store.contract import Store
from gatekeeper.web.dashboard import accounts, factors, passwords, sessions
from gatekeeper.web.service import Service
from tests.web.conftest import KEY, Clock

from .conftest import HOST, Staff, signed_in

PASSWORD = "turnip orbit velvet seldom"
EMAIL = "ann@staff.test"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ANN = bytes(range(16))
SOMEBODY = Member(b"", "a test", {})
WRONG = "do not open anything"


@pytest.fixture(scope="module")
def kept() -> str:
    return passwords.keep_password(PASSWORD)


@pytest.fixture
def ann(service: Service, kept: str) -> Account:
    """An owner who has a password."""
    account = Account(ANN, EMAIL, "Ann", {EVERY_SITE: Role.OWNER}, kept, created_at=service.now())
    service.store.staff.keep(account)
    return account


@pytest.fixture
def careful(service: Service, ann: Account) -> Account:
    """The same with a second factor."""
    codes = tuple(factors.hash_recovery(code) for code in ("AAAAA-BBBBB", "CCCCC-DDDDD"))
    account = replace(ann, totp=factors.seal((KEY,), ann.id, SECRET), recovery=codes)
    service.store.staff.keep(account)
    return account


@pytest.fixture
def browser(app: Any) -> Staff:
    return Staff(app)


def sign_in(browser: Staff, password: str = PASSWORD, email: str = EMAIL, **more: str) -> TestResponse:
    return browser.post("/sign-in", {"email": email, "password": password, **more})


def give(browser: Staff, code: str, **more: str) -> TestResponse:
    return browser.post("/sign-in/code", {"code": code, **more})


def code_at(clock: Clock, steps: int = 0) -> str:
    return pyotp.TOTP(SECRET).at(int(clock()) + 30 * steps)


def is_in(browser: Staff) -> bool:
    return browser.get("/dashboard/account").status_code == 200


def trail(service: Service, action: str = "") -> list[Entry]:
    return service.store.staff.entries(None, first=0, before=1 << 40, limit=1000, action=action)


# The password


@pytest.mark.row("SE-26")
def test_the_right_password_signs_in(browser: Staff, ann: Account, service: Service) -> None:
    response = sign_in(browser, next="/dashboard/shop/trackers?days=7")

    assert response.status_code == 303
    assert response.headers["Location"] == "/dashboard/shop/trackers?days=7"
    assert is_in(browser)
    assert [(entry.action, entry.who, entry.detail) for entry in trail(service)] == [
        ("session.begun", "Ann", "password")
    ]


def test_an_address_may_be_written_in_any_case(browser: Staff, ann: Account) -> None:
    assert sign_in(browser, email=f" {EMAIL.upper()} ").status_code == 303


@pytest.mark.row("SE-26")
def test_nobody_learns_which_addresses_have_an_account(
    browser: Staff, ann: Account, service: Service, kept: str
) -> None:
    closed = Account(bytes(16), "closed@staff.test", "Closed", {}, kept, ended_at=1)
    invited = Account(bytes([1] * 16), "invited@staff.test", "Invited", {}, passwords.invite(now=service.now())[1])
    waiting = Account(bytes([2] * 16), "waiting@staff.test", "Waiting", {}, kept, failures=50, failed_at=service.now())
    for account in (closed, invited, waiting):
        service.store.staff.keep(account)

    pages = {
        email: sign_in(browser, password, email)
        for email, password in [
            (EMAIL, "wrong"),
            ("nobody@staff.test", PASSWORD),
            (closed.email, PASSWORD),
            (invited.email, PASSWORD),
            (waiting.email, PASSWORD),
            ("", PASSWORD),
            ("not an address", ""),
        ]
    }

    assert {page.status_code for page in pages.values()} == {403}
    bodies = {
        page.text.replace(f'value="{email}"', 'value=""').replace(" autofocus", "") for email, page in pages.items()
    }
    assert len(bodies) == 1
    assert WRONG in bodies.pop()
    assert not is_in(browser)
    assert not any("Set-Cookie" in page.headers for page in pages.values())


@pytest.mark.row("SE-26")
def test_an_address_without_account_takes_as_much_work(
    browser: Staff, ann: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    verify = passwords._hasher.verify

    class Watched:
        hash = staticmethod(passwords._hasher.hash)

        def verify(self, kept: str, given: bytes) -> bool:
            hashed.append(kept)
            return verify(kept, given)

    monkeypatch.setattr(passwords, "_hasher", Watched())

    for email in (EMAIL, "nobody@staff.test"):
        sign_in(browser, "wrong", email)

    assert len(hashed) == 2
    assert {kept.rpartition("$")[0].rpartition("$")[0] for kept in hashed} == {"$argon2id$v=19$m=19456,t=2,p=1"}


@pytest.mark.parametrize(
    "next_page",
    [
        "https://evil.example/",
        "//evil.example/dashboard/",
        "/\\evil.example",
        "/dashboard/\\evil",
        "/dashboard/\r\nX: y",
        "dashboard/",
        "javascript:alert(1)",
        "/dashboardx",
        "",
    ],
)
def test_a_sign_in_leads_to_our_own_pages_alone(browser: Staff, ann: Account, next_page: str) -> None:
    assert sign_in(browser, next=next_page).headers["Location"] == "/dashboard/"


def test_whoever_is_not_signed_in_is_sent_there_and_back(browser: Staff, ann: Account) -> None:
    sent = browser.get("/dashboard/account?x=1&y=2")
    page = browser.get(sent.headers["Location"])

    assert sent.status_code == 303
    assert sent.headers["Location"] == "/sign-in?next=/dashboard/account%3Fx%3D1%26y%3D2"
    assert 'name="next" value="/dashboard/account?x=1&amp;y=2"' in page.text


def test_a_script_that_is_not_signed_in_is_told_so(browser: Staff) -> None:
    response = browser.get("/dashboard/account", {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"})

    assert response.status_code == 401
    assert response.json is not None


# Guessing


@pytest.mark.row("SE-26")
def test_who_guesses_has_to_wait_longer_each_time(browser: Staff, ann: Account, clock: Clock) -> None:
    for _ in range(accounts.FREE):
        sign_in(browser, "wrong")

    waited = []
    for _ in range(4):
        seconds = 0
        while sign_in(browser).status_code != 303:
            clock.at += 1
            seconds += 1
        browser.client.delete_cookie("gk_staff", domain="localhost")
        browser.client.delete_cookie("gk_known", domain="localhost")
        waited.append(seconds)
        for _ in range(accounts.FREE + len(waited)):
            clock.at += accounts.LONGEST_WAIT
            sign_in(browser, "wrong")

    assert waited == [1, 2, 4, 8]


def test_the_wait_has_an_end(ann: Account) -> None:
    tired = replace(ann, failures=1_000_000, failed_at=1000)

    assert accounts.waits(tired, now=1000 + accounts.LONGEST_WAIT - 1)
    assert not accounts.waits(tired, now=1000 + accounts.LONGEST_WAIT)


@pytest.mark.row("SE-26")
def test_nobody_is_locked_out_of_a_browser_they_know_by_what_others_guess(
    browser: Staff, ann: Account, app: Any
) -> None:
    sign_in(browser)
    browser.post("/sign-out")
    attacker = Staff(app)
    for _ in range(20):
        sign_in(attacker, "wrong")

    assert sign_in(attacker).status_code == 403
    assert sign_in(browser).status_code == 303


def test_a_browser_is_known_for_its_own_account_alone(
    browser: Staff, ann: Account, service: Service, kept: str
) -> None:
    sign_in(browser)
    other = Account(bytes(16), "other@staff.test", "Other", {}, kept, failures=20, failed_at=service.now())
    service.store.staff.keep(other)

    assert sign_in(browser, email=other.email).status_code == 403


def test_what_is_not_looked_at_makes_nobody_wait_longer(browser: Staff, ann: Account, service: Service) -> None:
    for _ in range(30):
        sign_in(browser, "wrong")

    found = service.store.staff.account(ann.id)
    assert found is not None
    assert found.failures == accounts.FREE + 0
    assert len(trail(service, "sign-in.refused")) == 30


def test_a_sign_in_forgets_what_failed_before(browser: Staff, ann: Account, service: Service) -> None:
    sign_in(browser, "wrong")
    sign_in(browser)

    found = service.store.staff.account(ann.id)
    assert found is not None
    assert found.failures == 0


@pytest.mark.row("SE-26")
def test_an_address_that_asks_too_often_is_refused(config: Config, store: Store, ann: Account) -> None:
    browser = Staff(create_app(replace(config, staff_hosts=("staff.test",)), store=store))
    there: dict[str, Any] = {"base_url": "http://staff.test", "environ": {"REMOTE_ADDR": "203.0.113.9"}}
    statuses = [
        browser.post(
            "/sign-in", {"email": EMAIL, "password": WRONG}, {"Origin": "http://staff.test"}, **there
        ).status_code
        for _ in range(101)
    ]

    assert set(statuses) == {403, 429}
    assert statuses == sorted(statuses)
    page, data = (browser.get("/sign-in", {"Accept": kind}, **there) for kind in ("text/html,*/*", "application/json"))
    assert page.status_code == data.status_code == 429
    assert f"Try again in {page.headers['Retry-After']} seconds" in page.get_data(as_text=True)
    assert data.is_json
    elsewhere = browser.get("/sign-in", {"Accept": "text/html"}, **{**there, "base_url": "http://shop.test"})
    assert elsewhere.status_code == 429
    assert elsewhere.is_json, "no page of staff's on a site's host"


# Sessions


@pytest.mark.row("SE-26")
def test_a_session_that_was_set_before_is_never_taken_over(browser: Staff, ann: Account, service: Service) -> None:
    browser.client.set_cookie("gk_staff", "chosen-by-somebody-else", domain="localhost")

    sign_in(browser)

    assert browser.cookie() != "chosen-by-somebody-else"
    assert service.store.staff.session(sessions.digest("chosen-by-somebody-else")) is None
    assert len(browser.cookie()) == 43


@pytest.mark.row("SE-26")
def test_each_sign_in_begins_another_session_and_ends_the_one_before(
    browser: Staff, ann: Account, service: Service, app: Any
) -> None:
    sign_in(browser)
    first = browser.cookie()
    sign_in(browser)

    old = Staff(app)
    old.client.set_cookie("gk_staff", first, domain="localhost")
    assert browser.cookie() != first
    assert is_in(browser)
    assert not is_in(old)
    assert len(service.store.staff.sessions(ann.id)) == 1


@pytest.mark.row("SE-26")
def test_signing_out_ends_the_session_on_the_server(browser: Staff, ann: Account, app: Any) -> None:
    sign_in(browser)
    held = browser.cookie()

    response = browser.post("/sign-out")

    thief = Staff(app)
    thief.client.set_cookie("gk_staff", held, domain="localhost")
    assert response.headers["Location"] == "/sign-in"
    assert not browser.cookie()
    assert not is_in(thief)


@pytest.mark.row("SE-26")
def test_a_session_ends_when_nobody_uses_it(staff: Staff, clock: Clock) -> None:
    clock.at += sessions.IDLE - 1
    assert is_in(staff)

    clock.at += sessions.IDLE - 1
    assert is_in(staff)

    clock.at += sessions.IDLE
    assert not is_in(staff)


@pytest.mark.row("SE-26")
def test_a_session_ends_after_half_a_day_however_it_is_used(staff: Staff, clock: Clock) -> None:
    for _ in range(sessions.LASTS // 600 - 1):
        clock.at += 600
        assert is_in(staff)

    clock.at += 600
    assert not is_in(staff)


def test_a_session_does_not_outlive_its_account(staff: Staff, service: Service) -> None:
    assert staff.account is not None
    service.store.staff.keep(replace(staff.account, ended_at=service.now()))

    assert not is_in(staff)


def test_the_database_holds_no_session_that_could_be_used(staff: Staff, service: Service) -> None:
    assert staff.account is not None
    (session,) = service.store.staff.sessions(staff.account.id)

    thief = Staff(staff.app)
    for value in (session.digest.hex(), session.digest.decode("latin-1")):
        thief.client.set_cookie("gk_staff", value, domain="localhost")
        assert not is_in(thief)


@pytest.mark.row("SE-26")
@pytest.mark.parametrize(
    ("base", "environ", "beginning", "end"),
    [
        ("http", {}, "gk_staff=", "; Path=/; SameSite=Lax; HttpOnly"),
        ("https", {}, "__Host-gk_staff=", "; Path=/; SameSite=Lax; Secure; HttpOnly"),
        ("http", {"HTTP_X_FORWARDED_PROTO": "https"}, "__Host-gk_staff=", "; Path=/; SameSite=Lax; Secure; HttpOnly"),
        (
            "http",
            {"HTTP_X_FORWARDED_PROTO": "HTTPS, http"},
            "__Host-gk_staff=",
            "; Path=/; SameSite=Lax; Secure; HttpOnly",
        ),
    ],
)
def test_the_cookie_is_hidden_from_scripts_and_from_other_hosts(
    browser: Staff, ann: Account, base: str, environ: dict[str, str], beginning: str, end: str
) -> None:
    data = {"email": EMAIL, "password": PASSWORD}
    response = browser.post("/sign-in", data, environ=environ, base_url=f"{base}://localhost")

    session, known = response.headers.getlist("Set-Cookie")
    assert session.startswith(beginning)
    assert session.endswith(end)
    assert "Max-Age" not in session
    assert known.endswith(end)
    assert "Domain" not in session + known


def test_by_https_a_cookie_without_the_prefix_is_none(staff: Staff) -> None:
    response = staff.get("/dashboard/account", environ={"HTTP_X_FORWARDED_PROTO": "https"})

    assert response.status_code == 303


# The second factor


@pytest.mark.row("SE-26")
def test_a_password_alone_opens_nothing_where_there_is_a_second_factor(
    browser: Staff, careful: Account, clock: Clock
) -> None:
    first = sign_in(browser, next="/dashboard/account")
    halfway = browser.cookie()
    before = is_in(browser)
    second = give(browser, code_at(clock), next="/dashboard/account")

    assert first.headers["Location"] == "/sign-in/code?next=/dashboard/account"
    assert not before
    assert second.headers["Location"] == "/dashboard/account"
    assert is_in(browser)
    assert browser.cookie() != halfway


def test_the_page_of_the_code_needs_the_password_first(browser: Staff, careful: Account, clock: Clock) -> None:
    assert browser.get("/sign-in/code").headers["Location"].startswith("/sign-in?")
    assert give(browser, code_at(clock)).headers["Location"].startswith("/sign-in?")
    assert not is_in(browser)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(
    browser: Staff, careful: Account, clock: Clock, steps: int, taken: bool
) -> None:
    sign_in(browser)
    give(browser, code_at(clock, steps))

    assert is_in(browser) is taken


@pytest.mark.row("SE-26")
def test_a_code_is_good_once(browser: Staff, careful: Account, clock: Clock, app: Any) -> None:
    watcher, code = Staff(app), code_at(clock)
    sign_in(browser)
    sign_in(watcher)

    give(browser, code)
    again = give(watcher, code)

    assert is_in(browser)
    assert again.status_code == 403
    assert not is_in(watcher)


@pytest.mark.row("SE-26")
def test_a_recovery_code_stands_in_once(browser: Staff, careful: Account, service: Service, app: Any) -> None:
    for typed in (" aaaaa-bbbbb ", "AAAAABBBBB"):
        one = Staff(app)
        sign_in(one)
        give(one, typed)
        browser = browser if is_in(browser) else one

    found = service.store.staff.account(careful.id)
    assert is_in(browser)
    assert not is_in(one)
    assert found is not None
    assert found.recovery == (factors.hash_recovery("CCCCCDDDDD"),)


@pytest.mark.row("SE-26")
def test_wrong_codes_ask_for_the_password_again_and_then_for_patience(
    browser: Staff, careful: Account, clock: Clock
) -> None:
    sign_in(browser)
    statuses = [give(browser, "000000").status_code for _ in range(5)]
    late = give(browser, code_at(clock))

    assert statuses == [403] * 5
    assert late.headers["Location"].startswith("/sign-in?")
    assert not is_in(browser)
    assert sign_in(browser).status_code == 403


def test_the_second_step_may_not_take_long(browser: Staff, careful: Account, clock: Clock) -> None:
    sign_in(browser)
    clock.at += sessions.HALFWAY

    give(browser, code_at(clock))

    assert not is_in(browser)


@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "-12345", "1e5", "\0"])
def test_what_is_no_code_is_refused(browser: Staff, careful: Account, code: str) -> None:
    sign_in(browser)

    assert give(browser, code).status_code == 403


def test_the_secret_of_another_account_or_key_opens_nothing() -> None:
    sealed = factors.seal(("old" * 12, KEY), ANN, SECRET)

    assert factors.unseal((KEY, "new" * 12), ANN, sealed) == SECRET
    assert factors.unseal((KEY,), bytes(16), sealed) == ""
    assert factors.unseal(("other" * 10,), ANN, sealed) == ""
    assert SECRET not in sealed


def test_a_secret_is_sealed_under_the_newest_key_at_the_next_sign_in(
    browser: Staff, careful: Account, clock: Clock, service: Service
) -> None:
    newer = "a-newer-key-that-is-long-enough-to-be-one"
    service.config = replace(service.config, keys=(KEY, newer))

    sign_in(browser)
    give(browser, code_at(clock))

    found = service.store.staff.account(careful.id)
    assert is_in(browser)
    assert found is not None
    assert factors.unseal((newer,), careful.id, found.totp) == SECRET


# Invitations


def invited(service: Service, email: str = "new@staff.test") -> tuple[Account, str]:
    roles = {"shop": Role.MARKETING}
    return accounts.open_account(service.store.staff, email, "New", roles, by=SOMEBODY, now=service.now())


def accept(browser: Staff, code: str, password: str = PASSWORD, **more: str) -> TestResponse:
    told = {"email": "new@staff.test", "code": code, "password": password, "again": password}
    return browser.post("/sign-in/invitation", {**told, **more})


def test_an_invitation_sets_a_password_once(browser: Staff, service: Service) -> None:
    _, code = invited(service)

    first = accept(browser, code.lower().replace("-", " "))
    second = accept(browser, code, "another long password here")

    assert first.headers["Location"] == "/sign-in"
    assert second.status_code == 403
    assert sign_in(browser, email="new@staff.test").status_code == 303


@pytest.mark.parametrize(("days", "taken"), [(6.99, True), (7, False)])
def test_an_invitation_is_good_for_a_week(
    browser: Staff, service: Service, clock: Clock, days: float, taken: bool
) -> None:
    _, code = invited(service)
    clock.pass_days(days)

    assert (accept(browser, code).status_code == 303) is taken


def test_a_new_invitation_takes_the_place_of_the_one_before(browser: Staff, service: Service) -> None:
    account, first = invited(service)
    second = accounts.invite_again(service.store.staff, account.id, by=SOMEBODY, now=service.now())

    assert accept(browser, first).status_code == 403
    assert accept(browser, second).status_code == 303


def test_an_invitation_is_good_for_its_own_address_alone(browser: Staff, service: Service, ann: Account) -> None:
    _, code = invited(service)

    assert accept(browser, code, email=EMAIL).status_code == 403
    assert accept(browser, "", email=EMAIL).status_code == 403
    assert accept(browser, "").status_code == 403


@pytest.mark.row("SE-26")
@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "at least 12"),
        ("passwordpassword", "easy to guess|common|repeat"),
        ("aaaaaaaaaaaaaaaa", "[Rr]epeats"),
        ("qwertyuiopas", "."),
        ("new@staff.test1", "."),
        ("x" * 257, "at most 256"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_not_taken(
    browser: Staff, service: Service, password: str, told: str
) -> None:
    account, code = invited(service)

    page = accept(browser, code, password)

    assert page.status_code == 400
    assert re.search(told, page.text)
    assert not passwords.is_set(service.store.staff.account(account.id).password)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "ключ от старой квартиры",
        "🐢🦔🐌🦉🐡🦎🐙🦀🐍🦋🐝🪲",
        "a 'b\" <c> & d; --e %00",
        sha512(b"x").hexdigest() * 2,
    ],
)
def test_a_password_may_be_made_of_anything(browser: Staff, service: Service, password: str) -> None:
    _, code = invited(service)
    accept(browser, code, password)

    assert sign_in(browser, password, "new@staff.test").status_code == 303


def test_a_password_is_the_same_from_every_keyboard() -> None:
    kept = passwords.keep_password("Café au lait, très cher")

    assert passwords.fits(kept, "Cafe\u0301 au lait, tre\u0300s cher")
    assert not passwords.fits(kept, "Cafe au lait, tres cher")


# Where requests come from


FORMS = ["/sign-in", "/sign-in/code", "/sign-in/invitation", "/sign-out"]


@pytest.mark.row("SE-26")
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://shop.localhost", "Sec-Fetch-Site": "same-site"},
        {"Origin": HOST, "Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": ""},
        {"Origin": "null", "Sec-Fetch-Site": ""},
        {"Origin": "", "Sec-Fetch-Site": ""},
        {"Origin": "https://localhost", "Sec-Fetch-Site": ""},
        {"Origin": "http://localhost:81", "Sec-Fetch-Site": ""},
    ],
)
def test_only_our_own_pages_may_send_the_forms(
    staff: Staff, ann: Account, path: str, headers: dict[str, str], service: Service
) -> None:
    before = staff.cookie()

    response = staff.post(path, {"email": EMAIL, "password": PASSWORD}, headers)

    assert response.status_code == 403
    assert "Set-Cookie" not in response.headers
    assert staff.cookie() == before
    assert is_in(staff)


def test_a_browser_that_says_nothing_of_sites_is_believed_by_its_origin(browser: Staff, ann: Account) -> None:
    data = {"email": EMAIL, "password": PASSWORD}

    assert browser.post("/sign-in", data, {"Sec-Fetch-Site": "", "Origin": HOST}).status_code == 303


def test_the_first_click_in_a_mail_works(staff: Staff) -> None:
    response = staff.get("/dashboard/account", {"Sec-Fetch-Site": "cross-site"})

    assert response.status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(("mode", "destination"), [("no-cors", "script"), ("navigate", "iframe"), ("cors", "empty")])
def test_no_page_of_another_origin_takes_ours_in(staff: Staff, site: str, mode: str, destination: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}

    assert staff.get("/dashboard/account", headers).status_code == 403


def test_many_who_sign_in_at_once_are_not_all_let_in_to_the_work() -> None:
    taken = [passwords._waiting.acquire(blocking=False) for _ in range(8)]
    try:
        with pytest.raises(Exception, match="just now"):
            passwords.fits("", "x")
    finally:
        for _ in taken:
            passwords._waiting.release()


def test_a_wrong_password_is_as_much_work_as_a_right_one(kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            work.append(extract_parameters(str(hash)))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "_hasher", Watched.from_parameters(extract_parameters(kept)))

    told = [passwords.fits(*each) for each in [(kept, PASSWORD), (kept, "x"), ("", "x")]]

    assert told == [True, False, False]
    assert work == [extract_parameters(kept)] * 3


def test_a_signed_in_browser_is_not_asked_again(app: Any) -> None:
    staff = signed_in(app, {"shop": Role.AUDITOR})

    assert staff.get("/sign-in").headers["Location"] == "/dashboard/"
