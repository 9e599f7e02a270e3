"""What a browser says on its visitor's behalf."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.core.signals import Signal, read_signals, says_one

# W3C Global Privacy Control: only the exact value 1; WSGI joins repeated headers with commas.
HEADERS = [
    ("1", True),
    (" 1", True),
    ("1 ", True),
    ("\t1", True),
    ("0, 1", True),
    ("1, 0", True),
    ("1,1", True),
    ("0,0, 1 ,0", True),
    (",1", True),
    ("0", False),
    ("", False),
    (" ", False),
    (",", False),
    ("true", False),
    ("yes", False),
    ("on", False),
    ("01", False),
    ("10", False),
    ("11", False),
    ("1.0", False),
    ("+1", False),
    ("-1", False),
    ("1;x", False),
    ("1 1", False),
    ("1;1", False),
    ('"1"', False),
    ("?1", False),
    ("0,0", False),
    ("\uff11", False),
    ("\u0661", False),
    ("\u00b9", False),
    ("1\u00a0", False),
    ("1\x00", False),
    ("1\n", False),
]


@pytest.mark.row("GPC-01")
@pytest.mark.parametrize(("value", "on"), HEADERS, ids=[repr(value) for value, _ in HEADERS])
def test_only_an_exact_one_is_a_privacy_signal(value: str, on: bool):
    assert read_signals({"HTTP_SEC_GPC": value}) == ({Signal.GPC} if on else frozenset())


@pytest.mark.row("DNT-01")
@pytest.mark.parametrize(("value", "on"), HEADERS, ids=[repr(value) for value, _ in HEADERS])
def test_only_an_exact_one_is_do_not_track(value: str, on: bool):
    assert read_signals({"HTTP_DNT": value}) == ({Signal.DNT} if on else frozenset())


def test_no_header_is_no_signal():
    assert read_signals({"HTTP_USER_AGENT": "1", "SEC_GPC": "1", "HTTP_GPC": "1", "HTTP_SEC_DNT": "1"}) == frozenset()


def test_both_signals_are_read():
    assert read_signals({"HTTP_SEC_GPC": "1", "HTTP_DNT": "1"}) == set(Signal)


@pytest.mark.parametrize("value", [None, 1, True, b"1", ["1"]])
def test_only_text_is_a_header(value: object):
    assert not says_one(value)


@given(st.lists(st.text(max_size=4), max_size=6))
@pytest.mark.row("GPC-01")
def test_among_several_headers_one_exact_one_is_enough(values: list[str]):
    joined = ", ".join(values)

    assert says_one(joined + ", 1")
    assert says_one("1, " + joined)


@given(st.text(alphabet="0123456789 ;,.\t", max_size=12))
@pytest.mark.row("SIG-01")
def test_one_more_header_never_takes_a_signal_back(value: str):
    before = read_signals({"HTTP_SEC_GPC": value})

    assert before <= read_signals({"HTTP_SEC_GPC": f"{value}, 0"})
    assert before <= read_signals({"HTTP_SEC_GPC": value, "HTTP_DNT": "1"})
