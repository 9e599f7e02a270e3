"""What is said on standard error: one line a thing, readable by machines, and nobody in it."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper import logs

AGENT = 'Mozilla/5.0\r\n{"level": "info", "message": "all is well"}\x1b[2K\u2028 end'
SUBJECT = "8f14e45fceea167a5a36dedd4bea2543"
TOKEN = "eyJzIjoic2hvcCIsInUiOiJhYmMifQ.dGVzdHNpZ25hdHVyZTEyMzQ1Njc4"


@pytest.fixture
def written() -> Iterator[Callable[[str], io.StringIO]]:
    """Log as a serving process does, into a string."""
    log = logging.getLogger("gatekeeper.test")
    opened: list[logging.Handler] = []

    def begin(form: str) -> io.StringIO:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter({"json": logs.JsonLines, "text": logs.Lines}[form]())
        log.addHandler(handler)
        log.setLevel(logging.INFO)
        opened.append(handler)
        return stream

    yield begin
    for handler in opened:
        log.removeHandler(handler)


@pytest.mark.row("SE-09")
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_break_in_a_user_agent_begins_no_line(written: Callable[[str], io.StringIO], form: str) -> None:
    stream = written(form)

    logging.getLogger("gatekeeper.test").warning("a browser says it is %s", AGENT)

    text = stream.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert "\\u2028" not in text
    assert "all is well" in text


@pytest.mark.row("SE-09")
def test_a_line_is_one_json_object_with_time_level_logger_and_message(written: Callable[[str], io.StringIO]) -> None:
    stream = written("json")

    logging.getLogger("gatekeeper.test").error("the database takes no writes: %s", "disk full")

    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "error",
        "logger": "gatekeeper.test",
        "message": "the database takes no writes: disk full",
    }


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_error_is_told_by_its_kind_and_place_and_not_by_its_text(
    written: Callable[[str], io.StringIO], form: str
) -> None:
    stream = written(form)
    try:
        raise ValueError("DETAIL: Key (site, subject)=(shop, secret) already exists")
    except ValueError:
        logging.getLogger("gatekeeper.test").exception("the writer stumbled")

    text = stream.getvalue()
    assert len(text.splitlines()) == 1
    assert "secret" not in text
    assert "ValueError at test_logs.py:" in text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("from 203.0.113.9 again", "from [address] again"),
        ("from 203.0.113.9:443", "from [address]:443"),
        ("from 2001:db8::7 again", "from [address] again"),
        ("from 2001:db8:1:2:3:4:5:6", "from [address]"),
        (f"of {SUBJECT} here", "of [id] here"),
        (f"with {TOKEN} here", "with [token] here"),
    ],
)
def test_what_would_name_somebody_is_masked(said: str, shown: str) -> None:
    assert logs.clean(said) == shown


@pytest.mark.parametrize(
    "said",
    [
        "Gatekeeper 0.1.0 serves shop at http://127.0.0.1:8100/gk/",
        "Gatekeeper 0.1.0 serves shop at http://[::1]:8100/gk/",
        "the database /srv/gatekeeper/var-2026/gatekeeper.db",
        "at 12:30:55 on 2026-11-22",
        "GET /<site>/b/<tracker>.gif failed: ValueError at hits.py:12 record_hit",
    ],
)
def test_what_names_nobody_stays_as_it_is(said: str) -> None:
    assert logs.clean(said) == said


@given(st.text())
def test_no_text_begins_a_line_or_grows_beyond_bounds(text: str) -> None:
    shown = logs.clean(text)

    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 4000


@pytest.mark.parametrize(
    ("form", "terminal", "chosen"),
    [("", True, logs.Lines), ("", False, logs.JsonLines), ("json", True, logs.JsonLines), ("text", False, logs.Lines)],
)
def test_lines_are_text_at_a_terminal_and_json_elsewhere_unless_told(
    monkeypatch: pytest.MonkeyPatch, form: str, terminal: bool, chosen: type
) -> None:
    monkeypatch.setattr("sys.stderr", io.StringIO())
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)

    assert logs.settings(form)["formatters"]["line"]["()"] is chosen
