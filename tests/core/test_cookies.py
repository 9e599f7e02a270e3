"""The two cookies: names and attributes by the declared origins, and the header they come back in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.cookies import (
    CHOICE,
    SUBJECT,
    cookie_name,
    forget_subject,
    read_cookie,
    set_choice,
    set_subject,
)
from gatekeeper.core.sites import Scope, Site

from .cases import decision_sites

SHOP = decision_sites()["shop"]
VALUE = "1.shop.1.20261122.g.7.0.-.0"

HTTPS_HOST = SHOP
HTTPS_DOMAIN = replace(SHOP, scope=Scope.DOMAIN, domain="shop.example")
HTTP_HOST = replace(SHOP, origins=("http://127.0.0.1:8080",))


@pytest.mark.row("SE-01", "CK-01")
@pytest.mark.parametrize(
    ("site", "name", "attributes"),
    [
        (HTTPS_HOST, "__Host-gk_choice", "; Path=/; SameSite=Lax; Secure"),
        (HTTPS_DOMAIN, "__Secure-gk_choice", "; Path=/; SameSite=Lax; Domain=shop.example; Secure"),
        (HTTP_HOST, "gk_choice", "; Path=/; SameSite=Lax"),
    ],
    ids=["https, one host", "https, a domain", "http"],
)
def test_the_choice_cookie_follows_the_declared_origins(site: Site, name: str, attributes: str):
    assert set_choice(site, VALUE) == f"{name}={VALUE}; Max-Age=15552000{attributes}"


@pytest.mark.row("SE-01")
@pytest.mark.parametrize(
    ("site", "name", "attributes"),
    [
        (HTTPS_HOST, "__Host-gk_subject", "; Path=/; SameSite=Lax; Secure; HttpOnly"),
        (HTTPS_DOMAIN, "__Secure-gk_subject", "; Path=/; SameSite=Lax; Domain=shop.example; Secure; HttpOnly"),
        (HTTP_HOST, "gk_subject", "; Path=/; SameSite=Lax; HttpOnly"),
    ],
    ids=["https, one host", "https, a domain", "http"],
)
def test_the_subject_cookie_is_hidden_from_scripts(site: Site, name: str, attributes: str):
    assert set_subject(site, "token") == f"{name}=token; Max-Age=15552000{attributes}"


@pytest.mark.row("SE-01")
@pytest.mark.parametrize("site", [HTTPS_HOST, HTTPS_DOMAIN, HTTP_HOST])
def test_the_subject_cookie_is_removed_under_the_attributes_it_was_set_with(site: Site):
    def told(header: str) -> tuple[str, set[str]]:
        pair, *attributes = header.split("; ")
        return pair.split("=")[0], {one for one in attributes if not one.startswith("Max-Age")}

    assert told(forget_subject(site)) == told(set_subject(site, "token"))
    assert f"{cookie_name(site, SUBJECT)}=; Max-Age=0;" in forget_subject(site)


@pytest.mark.row("SE-01")
def test_a_host_cookie_never_names_a_domain():
    # RFC 6265bis: browsers drop a __Host- cookie with a Domain; a domain without the scope must not add one.
    site = replace(SHOP, domain="shop.example")

    assert "Domain" not in set_choice(site, VALUE)


@pytest.mark.row("EU-11")
@pytest.mark.parametrize(("days", "seconds"), [(1, 86_400), (180, 15_552_000), (395, 34_128_000)])
def test_both_cookies_stay_as_long_as_a_choice_holds(days: int, seconds: int):
    site = replace(SHOP, choice_days=days)

    assert f"; Max-Age={seconds};" in set_choice(site, VALUE)
    assert f"; Max-Age={seconds};" in set_subject(site, "token")


def test_the_choice_cookie_can_be_read_by_the_script():
    assert "HttpOnly" not in set_choice(SHOP, VALUE)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("", ""),
        ("gk_choice=a", "a"),
        ("x=1; gk_choice=a; y=2", "a"),
        ("gk_choice=a;gk_subject=b", "a"),
        ("gk_choice=a; gk_choice=b", "a"),
        ("gk_choice=", ""),
        ("gk_choice", ""),
        ("gk_choice=a=b", "a=b"),
        ("__Host-gk_choice=a", ""),
        ("xgk_choice=a", ""),
        ("gk_choice2=a", ""),
        ("GK_CHOICE=a", ""),
        ("other=gk_choice=a", ""),
        (";;; gk_choice=a", "a"),
        ("  gk_choice=a  ", "a"),
    ],
)
def test_a_cookie_is_read_by_its_exact_name(header: str, value: str):
    assert read_cookie(header, CHOICE) == value


@given(st.text())
def test_any_header_is_read(header: str):
    assert isinstance(read_cookie(header, CHOICE), str)
