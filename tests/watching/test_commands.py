"""`gatekeeper watch`, `gatekeeper alerts test` and `gatekeeper check --live`, as somebody at a terminal uses them."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatekeeper.cli import main
from gatekeeper.commands.watching import table
from gatekeeper.config import load_config
from gatekeeper.core.rounds import Fault, Run, Visitor
from gatekeeper.store.contract import Store, Total
from gatekeeper.store.engines import migrate, open_store
from gatekeeper.watching.schedule import LEASE

from .conftest import READER, SECRET, SENDER, Hook, Letterbox

TOML = """
[sites.shop]
name = "Test Shop"
origins = ["http://shop.test"]
controller = {{ name = "Test Shop Ltd", address = "1 Test Street", contact = "privacy@shop.test" }}

[alerts]
to = ["{reader}"]
from = "{sender}"
smtp = "smtp://127.0.0.1:{port}"
webhook = "{webhook}"
webhook_secret_file = "webhook.secret"

[reports]
to = ["boss@shop.test"]
"""

Call = Callable[..., Result]


@pytest.fixture
def toml(tmp_path: Path, letterbox: Letterbox, hook: Hook) -> Path:
    path = tmp_path / "gatekeeper.toml"
    path.write_text(TOML.format(reader=READER, sender=SENDER, port=letterbox.port, webhook=hook.address))
    for name, text in {"webhook.secret": SECRET, "gatekeeper.keys": "cNZ8p2vLr5XwT0aYq9JdHk4GmB7sEfU1"}.items():
        (tmp_path / name).write_text(f"{text}\n")
        (tmp_path / name).chmod(0o600)
    return path


@pytest.fixture
def call(toml: Path) -> Call:
    def run(*words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--config", str(toml)])

    return run


@contextmanager
def opened(toml: Path) -> Iterator[Store]:
    config = load_config({"GATEKEEPER_CONFIG": str(toml)})
    migrate(config.database_url)
    with closing(open_store(config.database_url, zones=config.zones)) as store:
        yield store


def let_slip(toml: Path) -> None:
    with opened(toml) as store:
        day = load_config({"GATEKEEPER_CONFIG": str(toml)}).sites["shop"].day_of(int(time.time()))
        store.tally(Total("shop", day, "outcome", "unknown", "refused", "slipped"), 3)


def test_watch_looks_tells_and_sends_reports_once(call: Call, toml: Path, letterbox: Letterbox, hook: Hook) -> None:
    let_slip(toml)

    first, second = call("watch", "--once"), call("watch", "--once")

    assert first.exit_code == 0, first.output
    assert "new   Test Shop: Something slipped through: unknown\n" in first.output
    assert "Told 1 alarms by mail and webhook." in first.output
    assert "Sent the report of shop 20" in first.output
    assert second.output == "Nothing has changed.\n"
    assert [mail["To"] for mail in letterbox.mails] == [READER, "boss@shop.test"]
    assert len(hook.posts) == 1


def test_watch_says_what_it_would_send_and_sends_nothing(
    call: Call, toml: Path, letterbox: Letterbox, hook: Hook
) -> None:
    let_slip(toml)

    told = [call("watch", "--dry-run").output for _ in range(2)]

    assert told[0] == told[1]
    assert "new   Test Shop: Something slipped through: unknown\n" in told[0]
    assert "Would be told: 1 alarms, by mail and webhook. Nothing was kept or sent: this was a dry run." in told[0]
    assert "Would be sent: the report of shop, 20" in told[0]
    assert (letterbox.mails, hook.posts) == ([], [])


def test_watch_says_what_could_not_be_sent(call: Call, toml: Path, letterbox: Letterbox, hook: Hook) -> None:
    let_slip(toml)
    letterbox.refusing = "451 not now"

    told = call("watch", "--once")

    assert told.exit_code == 0
    assert "Not told, and tried again by the next look: mail by 127.0.0.1" in told.stderr
    assert "A report was not sent, and is tried again by the next look: mail by 127.0.0.1" in told.stderr


def test_watch_leaves_it_to_whoever_watches(call: Call, toml: Path, letterbox: Letterbox) -> None:
    let_slip(toml)
    with opened(toml) as other:
        assert other.lease(LEASE, 60)

        told = call("watch", "--once")

    assert told.exit_code == 1
    assert "another process watches now" in told.output
    assert letterbox.mails == []


def test_watch_on_a_new_installation_says_so(call: Call, tmp_path: Path) -> None:
    assert call("watch", "--once").output == "Nothing is counted yet.\n"
    assert not (tmp_path / "gatekeeper.db").exists()


def test_a_test_message_goes_by_every_way(call: Call, letterbox: Letterbox, hook: Hook) -> None:
    told = call("alerts", "test")

    assert (told.exit_code, told.output) == (0, f"Sent to {READER} and the webhook.\n")
    (mail,) = letterbox.mails
    assert mail["Subject"] == "Test Shop: A test"
    assert "It was asked for on the command line. Nothing is wrong." in mail.get_content()
    assert json.loads(hook.posts[0][1])["alarms"][0]["kind"] == "test"


def test_a_test_message_that_is_not_taken_is_a_failure(call: Call, letterbox: Letterbox, hook: Hook) -> None:
    letterbox.refusing = "554 we do not know you"
    hook.answers = [403]

    told = call("alerts", "test")

    assert told.exit_code == 1
    assert "it answered 554 we do not know you" in told.stderr
    assert "webhook: it answered 403" in told.stderr


def test_a_test_message_to_nobody_is_refused(call: Call, toml: Path) -> None:
    toml.write_text(toml.read_text().split("[alerts]")[0])

    told = call("alerts", "test")

    assert told.exit_code == 1
    assert "names nobody" in told.output


def test_a_check_without_a_browser_says_what_to_install(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GATEKEEPER_BROWSER", str(tmp_path / "none"))

    told = call("check", "--live")

    assert told.exit_code == 1
    assert "no program is there: name a Chromium" in told.output


@pytest.mark.parametrize(
    ("words", "says"),
    [(("check", "--site", "shop"), "--site goes with --live"), (("check", "--live", "--site", "other"), "other")],
)
def test_a_check_asks_for_a_site_that_is_there(call: Call, words: tuple[str, ...], says: str) -> None:
    told = call(*words)

    assert told.exit_code != 0
    assert says in told.output


def test_a_check_is_shown_page_by_page(toml: Path) -> None:
    site = load_config({"GATEKEEPER_CONFIG": str(toml)}).sites["shop"]
    runs = [
        Run("http://shop.test/", Visitor.SILENT, ("opened the page",), ()),
        Run(
            "http://shop.test/", Visitor.REJECTS, ("opened the page",), (Fault("a.test/x went out", "ads"), Fault("b"))
        ),
        Run("http://shop.test/b", Visitor.SILENT, (), (), "the page answered 500"),
    ]

    assert "\n".join(table(site, runs, 12.4)) == (
        "shop: 2 pages, 12 s: 3 faults\n"
        "  http://shop.test/\n"
        "    ok    says nothing                     opened the page\n"
        "    FAIL  rejects, and goes on             opened the page\n"
        "          a.test/x went out (ads)\n"
        "          b (nothing declares it)\n"
        "  http://shop.test/b\n"
        "    FAIL  says nothing                     \n"
        "          the page answered 500"
    )


# --- the files with secrets


@pytest.mark.parametrize("mode", [0o604, 0o620])
def test_a_secret_that_others_can_read_is_refused(call: Call, toml: Path, mode: int) -> None:
    toml.with_name("webhook.secret").chmod(mode)

    told = call("alerts", "test")

    assert told.exit_code == 1
    assert "alerts.webhook_secret_file = " in told.output
    assert "chmod 600" in told.output


@pytest.mark.parametrize("text", [None, " \n"])
def test_a_secret_that_is_missing_or_empty_is_refused(call: Call, toml: Path, text: str | None) -> None:
    secret = toml.with_name("webhook.secret")
    secret.unlink() if text is None else secret.write_text(text)

    told = call("alerts", "test")

    assert told.exit_code == 1
    assert "alerts.webhook_secret_file = " in told.output
