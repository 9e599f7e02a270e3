"""One's own account: what gives a way in asks for the password, is shown once, and ends what was before."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pyotp
import pytest
from werkzeug.test import TestResponse

from gatekeeper.core.staff import EVERY_SITE, Right, Role
from gatekeeper.store.books import ApiToken
from gatekeeper.web.dashboard import accounts, factors, passwords
from gatekeeper.web.dashboard.sessions import digest
from gatekeeper.web.service import Service
from tests.web.conftest import Clock

from .conftest import Staff, begin, signed_in

PAGE = "/dashboard/account"
PASSWORD = "turnip orbit velvet seldom"
ANOTHER = "gravel anthem mitten eleven"


@pytest.fixture(scope="module")
def kept() -> str:
    return passwords.keep_password(PASSWORD)


@pytest.fixture
def ann(app: Any, kept: str) -> Staff:
    """A browser of somebody with a password, who may export on one site."""
    staff = signed_in(app, {"shop": Role.PRIVACY})
    assert staff.account is not None
    staff.account = replace(staff.account, password=kept)
    staff.service.store.staff.keep(staff.account)
    begin(staff)
    return staff


def do(staff: Staff, what: str, **fields: Any) -> TestResponse:
    return staff.post(PAGE, {"do": what, "password": PASSWORD, **fields})


def held(staff: Staff) -> Any:
    assert staff.account is not None
    return staff.service.store.staff.account(staff.account.id)


def is_in(staff: Staff) -> bool:
    return staff.get(PAGE).status_code == 200


def another(staff: Staff) -> Staff:
    other = Staff(staff.app, staff.account)
    begin(other)
    return other


def actions(staff: Staff) -> list[str]:
    return [entry.action for entry in staff.service.store.staff.entries(None, first=0, before=1 << 40, limit=99)]


WITH_PASSWORD: dict[str, dict[str, Any]] = {
    "password": {"new": ANOTHER, "again": ANOTHER},
    "offer-factor": {},
    "drop-factor": {},
    "codes": {},
    "make-token": {"name": "nightly", "site": "shop", "right": "see", "days": "30"},
}


@pytest.mark.row("SE-26")
@pytest.mark.parametrize("what", WITH_PASSWORD)
@pytest.mark.parametrize("given", ["", "wrong", PASSWORD + " "])
def test_what_gives_or_takes_a_way_in_asks_for_the_password(ann: Staff, what: str, given: str) -> None:
    before = held(ann)

    page = do(ann, what, **WITH_PASSWORD[what], password=given)

    assert page.status_code == 400
    assert "not your password" in page.text
    assert held(ann) == replace(before, failures=1, failed_at=int(ann.service.now()))
    assert ann.service.store.staff.tokens() == []


@pytest.mark.row("SE-26")
def test_a_stolen_session_is_no_way_to_guess_the_password(ann: Staff) -> None:
    for _ in range(accounts.FREE):
        do(ann, "offer-factor", password="wrong")

    assert do(ann, "offer-factor").status_code == 400
    assert held(ann).failures == accounts.FREE


# The password


@pytest.mark.row("SE-26")
def test_a_new_password_ends_everything_that_was_signed_in_to(ann: Staff) -> None:
    other, before = another(ann), ann.cookie()
    made = do(ann, "make-token", **WITH_PASSWORD["make-token"])

    response = do(ann, "password", new=ANOTHER, again=ANOTHER)

    assert response.headers["Location"] == f"{PAGE}?done=password"
    assert "is changed" in ann.get(response.headers["Location"]).text
    assert ann.cookie() != before
    assert not is_in(other)
    assert ann.service.store.staff.session(digest(before)) is None
    assert ann.service.store.staff.token(digest(secret(made))).ended_at is not None  # type: ignore[union-attr]
    assert passwords.fits(held(ann).password, ANOTHER)


@pytest.mark.parametrize(
    ("new", "again", "told"),
    [
        (ANOTHER, ANOTHER + "x", "differ"),
        (PASSWORD, PASSWORD, "the password that you have"),
        ("short", "short", "at least 12"),
        ("password123456", "password123456", "not taken"),
    ],
)
def test_a_new_password_has_to_be_one(ann: Staff, new: str, again: str, told: str) -> None:
    before = held(ann)

    page = do(ann, "password", new=new, again=again)

    assert page.status_code == 400
    assert told in page.text
    assert held(ann) == before
    assert is_in(ann)


# The second factor


def offered(page: TestResponse) -> tuple[str, str]:
    """Return the secret that a page shows, and what its form carries."""
    (shown,) = re.findall(r"Enter this secret: <code>([A-Z2-7 ]+)</code>", page.text)
    (sealed,) = re.findall(r'name="sealed" value="([^"]+)"', page.text)
    return shown.replace(" ", ""), unescape(sealed)


def switch_on(ann: Staff, clock: Clock) -> tuple[str, TestResponse]:
    shown, sealed = offered(do(ann, "offer-factor"))
    return shown, do(ann, "take-factor", sealed=sealed, code=pyotp.TOTP(shown).at(int(clock())), password="")


@pytest.mark.row("SE-26")
def test_a_second_factor_is_switched_on_by_its_first_code(ann: Staff, clock: Clock) -> None:
    other, before = another(ann), ann.cookie()

    shown, page = switch_on(ann, clock)

    codes = re.findall(r"<li><code>([0-9A-Z-]+)</code>", page.text)
    assert page.status_code == 200
    assert len(set(codes)) == factors.RECOVERY
    assert held(ann).recovery == tuple(factors.hash_recovery(code) for code in codes)
    assert factors.unseal(ann.service.config.keys, held(ann).id, held(ann).totp) == shown
    assert ann.cookie() != before
    assert not is_in(other)
    assert not any(code in ann.get(PAGE).text for code in codes)
    assert "account.factor" in actions(ann)


def test_a_wrong_first_code_switches_nothing_on(ann: Staff, clock: Clock) -> None:
    shown, sealed = offered(do(ann, "offer-factor"))

    page = do(ann, "take-factor", sealed=sealed, code="000000")

    assert page.status_code == 400
    assert offered(page)[0] == shown
    assert held(ann).totp == ""


def test_a_secret_that_was_made_for_somebody_else_is_not_taken(ann: Staff, app: Any, kept: str, clock: Clock) -> None:
    other = signed_in(app, {"shop": Role.PRIVACY})
    shown, sealed = offered(do(ann, "offer-factor"))

    page = other.post(PAGE, {"do": "take-factor", "sealed": sealed, "code": pyotp.TOTP(shown).at(int(clock()))})

    assert page.status_code == 400
    assert held(other).totp == ""


@pytest.mark.parametrize("sealed", ["", "x", "====", "é", "a" * 4000])
def test_a_secret_that_was_made_up_is_not_taken(ann: Staff, sealed: str) -> None:
    assert do(ann, "take-factor", sealed=sealed, code="123456").status_code == 400


@pytest.mark.row("SE-26")
def test_the_code_that_switched_it_on_is_used(ann: Staff, clock: Clock) -> None:
    shown, _ = switch_on(ann, clock)
    fresh = Staff(ann.app)
    fresh.post("/sign-in", {"email": held(ann).email, "password": PASSWORD})

    assert fresh.post("/sign-in/code", {"code": pyotp.TOTP(shown).at(int(clock()))}).status_code == 403
    assert fresh.post("/sign-in/code", {"code": pyotp.TOTP(shown).at(int(clock()) + 30)}).status_code == 303


def test_the_picture_is_drawn_without_anything_that_a_policy_forbids(ann: Staff) -> None:
    page = do(ann, "offer-factor").text

    (path,) = re.findall(r'<path d="([^"]+)" fill="#000"', page)
    assert re.fullmatch(r"(M\d+ \d+h1v1h-1z){300,}", path)
    assert "style=" not in page


def test_new_recovery_codes_take_the_place_of_the_old(ann: Staff, clock: Clock) -> None:
    _, first = switch_on(ann, clock)
    second = do(ann, "codes")

    old, new = (re.findall(r"<li><code>([0-9A-Z-]+)</code>", page.text) for page in (first, second))
    assert not set(old) & set(new)
    assert held(ann).recovery == tuple(factors.hash_recovery(code) for code in new)


def test_the_second_factor_is_switched_off_again(ann: Staff, clock: Clock) -> None:
    switch_on(ann, clock)
    before = ann.cookie()

    assert do(ann, "drop-factor").status_code == 303
    assert (held(ann).totp, held(ann).recovery) == ("", ())
    assert ann.cookie() != before


# Sessions


@pytest.mark.row("SE-26")
def test_sessions_are_listed_and_ended_one_by_one(ann: Staff) -> None:
    other, third = another(ann), another(ann)
    page = ann.get(PAGE).text

    ended = ann.post(PAGE, {"do": "end-session", "session": digest(other.cookie()).hex()})

    assert page.count('name="session"') == 3
    assert page.count("This browser") == 1
    assert ended.status_code == 303
    assert (is_in(ann), is_in(other), is_in(third)) == (True, False, True)


@pytest.mark.row("SE-26")
def test_all_other_sessions_are_ended_at_once(ann: Staff) -> None:
    others = [another(ann), another(ann)]

    ann.post(PAGE, {"do": "end-others"})

    assert is_in(ann)
    assert not any(is_in(other) for other in others)


@pytest.mark.row("SE-17")
def test_nobody_ends_the_sessions_of_somebody_else(ann: Staff, staff: Staff) -> None:
    theirs = digest(staff.cookie()).hex()

    assert ann.post(PAGE, {"do": "end-session", "session": theirs}).status_code == 400
    assert is_in(staff)


# Tokens


def secret(page: TestResponse) -> str:
    found: list[str] = re.findall(r"<code>(gk_api_[\w-]+)</code>", page.text)
    return found[0] if found else ""


def make(staff: Staff, **fields: Any) -> TestResponse:
    return do(staff, "make-token", **{**WITH_PASSWORD["make-token"], **fields})


@pytest.mark.row("SE-17")
def test_a_token_is_shown_once_and_kept_as_a_digest(ann: Staff) -> None:
    page = make(ann, right=["see", "see_audit"], days="365")

    value = secret(page)
    (token,) = ann.service.store.staff.tokens()
    assert token.digest == digest(value)
    assert (token.rights, token.sites) == ({Right.SEE, Right.SEE_AUDIT}, ("shop",))
    assert token.until == ann.service.now() + 365 * 86_400
    assert value not in ann.get(PAGE).text
    assert "nightly" in ann.get(PAGE).text


@pytest.mark.row("SE-17")
@pytest.mark.parametrize(
    "fields",
    [
        {"site": EVERY_SITE},
        {"site": "nosuch"},
        {"site": ""},
        {"right": "manage"},
        {"right": "see_visitor"},
        {"right": ""},
        {"days": "366"},
        {"days": "-1"},
        {"days": ""},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\x00b"},
    ],
)
def test_a_token_is_made_for_what_one_may_and_for_a_while(ann: Staff, fields: dict[str, Any]) -> None:
    page = make(ann, **fields)

    assert page.status_code == 400
    assert ann.service.store.staff.tokens() == []


def test_nobody_gives_a_token_a_right_that_they_do_not_have(app: Any, kept: str) -> None:
    marketing = signed_in(app, {"shop": Role.MARKETING})
    assert marketing.account is not None
    marketing.service.store.staff.keep(replace(marketing.account, password=kept))
    begin(marketing)

    page = make(marketing, right=["see", "see_audit"])

    assert page.status_code == 400
    assert "see_audit" in page.text


def test_a_token_is_revoked_by_whoever_made_it_alone(ann: Staff, staff: Staff) -> None:
    make(ann)
    (token,) = ann.service.store.staff.tokens()
    fields = {"do": "end-token", "token": token.id.hex()}

    assert staff.post(PAGE, fields).status_code == 400
    assert good(ann) == [token]
    assert ann.post(PAGE, fields).status_code == 303
    assert good(ann) == []
    assert ann.post(PAGE, fields).status_code == 400


def good(staff: Staff) -> list[ApiToken]:
    return [token for token in staff.service.store.staff.tokens() if token.ended_at is None]


def test_an_unknown_action_is_refused_and_told(ann: Staff) -> None:
    page = ann.post(PAGE, {"do": "dance"})

    assert page.status_code == 400
    assert "&#39;dance&#39; is not one of" in page.text


@pytest.mark.row("SE-26")
def test_everything_that_changes_an_account_stands_in_the_trail(ann: Staff, service: Service, clock: Clock) -> None:
    switch_on(ann, clock)
    do(ann, "codes")
    do(ann, "drop-factor")
    make(ann)
    ann.post(PAGE, {"do": "end-token", "token": service.store.staff.tokens()[0].id.hex()})
    ann.post(PAGE, {"do": "end-others"})
    do(ann, "password", new=ANOTHER, again=ANOTHER)
    do(ann, "offer-factor")
    ann.post("/sign-out")

    assert sorted(actions(ann)) == sorted(
        [
            "account.factor",
            "account.recovery",
            "account.factor",
            "token.made",
            "token.revoked",
            "session.ended",
            "account.password",
            "sign-in.refused",
            "session.ended",
        ]
    )
