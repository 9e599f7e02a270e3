"""Who learns: a staff browser with a fresh cookie of this site, got for a fresh code of this site."""

from dataclasses import replace

import pytest

from gatekeeper.core.errors import BadToken
from gatekeeper.core.learners import (
    LEARNS_FOR,
    Invitation,
    forget_learner,
    is_learner,
    read_invitation,
    set_learner,
    sign_invitation,
    sign_learner,
)
from gatekeeper.core.sites import Site

from .cases import decision_sites

SHOP = decision_sites()["shop"]
BLOG = replace(SHOP, id="blog")
KEYS = ("an-old-key-that-is-long-enough-to-be-one", "a-new-key-that-is-long-enough-to-be-one")
OTHER = ("another-key-that-is-long-enough-to-be-one",)
NOW = 1_795_348_800
INVITATION = Invitation("shop", bytes(16), NOW + 60)


def held(site: Site, value: str) -> str:
    """Return the Cookie header of a browser that took our cookies."""
    return "; ".join(cookie.partition(";")[0] for cookie in set_learner(site, value))


def test_a_browser_learns_until_its_time_is_up() -> None:
    header = held(SHOP, sign_learner(KEYS, SHOP, until=NOW + 60))

    assert is_learner(KEYS, SHOP, header, now=NOW + 59)
    assert not is_learner(KEYS, SHOP, header, now=NOW + 60)
    assert not is_learner((), SHOP, header, now=NOW)
    assert not is_learner(KEYS, BLOG, header, now=NOW)


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "",
        sign_learner(OTHER, SHOP, until=NOW + 60),
        sign_learner(KEYS, BLOG, until=NOW + 60),
        sign_invitation(KEYS, INVITATION),
        "a.b",
        "x" * 9000,
    ],
)
def test_nothing_but_our_own_cookie_makes_a_learner(value: str) -> None:
    assert not is_learner(KEYS, SHOP, held(SHOP, value), now=NOW)


@pytest.mark.row("SE-01")
def test_the_signed_cookie_is_hidden_from_scripts_and_the_readable_one_carries_nothing() -> None:
    signed, mark = set_learner(SHOP, "value")

    assert signed == f"__Host-gk_learn=value; Max-Age={LEARNS_FOR}; Path=/; SameSite=Lax; Secure; HttpOnly"
    assert mark == f"__Host-gk_learning=1; Max-Age={LEARNS_FOR}; Path=/; SameSite=Lax; Secure"
    assert [cookie.partition("; Path")[0] for cookie in forget_learner(SHOP)] == [
        "__Host-gk_learn=; Max-Age=0",
        "__Host-gk_learning=; Max-Age=0",
    ]


def test_an_invitation_comes_back_as_it_was_signed_by_any_key() -> None:
    for keys in (KEYS[:1], KEYS):
        code = sign_invitation(keys, INVITATION)
        assert read_invitation(KEYS, SHOP, f" {code}\n", now=NOW) == INVITATION


@pytest.mark.parametrize(
    "code",
    [
        "",
        "x",
        sign_invitation(OTHER, INVITATION),
        sign_invitation(KEYS, replace(INVITATION, site="blog")),
        sign_invitation(KEYS, replace(INVITATION, until=NOW)),
        sign_learner(KEYS, SHOP, until=NOW + 60),
    ],
)
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(BadToken):
        read_invitation(KEYS, SHOP, code, now=NOW)
