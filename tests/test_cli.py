"""The command line, as its users meet it: what it writes, what it says, what it refuses."""

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner, Result

from gatekeeper import beginning, languages
from gatekeeper.cli import main
from gatekeeper.config import VARIABLES, load_config, load_sites
from gatekeeper.core.choices import MAX_VALUE
from gatekeeper.core.languages import TAGS
from gatekeeper.core.purposes import BUILT_IN
from gatekeeper.core.themes import Banner
from gatekeeper.databases import is_served, published
from gatekeeper.store.engines import open_store
from tests.ports import free_port

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and none of our variables set."""
    for name in VARIABLES:
        # Set first, so that whatever a command puts there is taken back at the end.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.delenv("FLASK_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run a command in the folder."""

    def call(*words: str) -> Result:
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        assert "Traceback" not in result.output
        return result

    return call


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# init


def test_init_writes_a_configuration_without_mistakes_and_a_key(run: Run, folder: Path) -> None:
    result = run("init")

    assert result.exit_code == 0, result.output
    assert run("check").exit_code == 0
    (key,) = load_config().keys
    assert len(key) == 43
    assert stat.S_IMODE((folder / "gatekeeper.keys").stat().st_mode) == 0o600
    assert '<script src="/gk/shop/gatekeeper.js"></script>' in result.output


@pytest.mark.row("EU-13", "EU-15")
def test_what_init_writes_is_lawful_as_written(run: Run, folder: Path) -> None:
    run("init")
    sites, problems = load_sites(folder / "gatekeeper.toml")

    assert problems == []
    (site,) = sites.values()
    assert set(site.purposes) == set(BUILT_IN)
    assert not site.anonymous_totals
    assert all(
        tracker.justification and tracker.reviewed_by for tracker in site.trackers.values() if _necessary(tracker)
    )
    assert [tracker.id for tracker in site.trackers.values() if _necessary(tracker)] == ["choice"]


def _necessary(tracker: object) -> bool:
    return getattr(tracker, "purpose", "") == "necessary"


def test_what_init_comments_out_has_no_mistakes_either(folder: Path) -> None:
    lines = beginning.EXAMPLE.read_text().splitlines()
    table = [
        line[2:] if line.startswith(("# [", '# "')) or (" = " in line and line.startswith("# ")) else line
        for line in lines
    ]
    path = folder / "gatekeeper.toml"
    path.write_text("\n".join(table))

    sites, problems = load_sites(path)

    assert problems == []
    assert {"session", "ads", "research"} <= {*sites["shop"].trackers, *sites["shop"].purposes}
    assert sites["shop"].anonymous_totals
    assert sites["shop"].languages == ("en", "de")
    assert "video" in sites["shop"].texts["de"]["trackers"]
    # What is given there is what there is without it.
    assert sites["shop"].banner == Banner()


def test_init_never_overwrites(run: Run, folder: Path) -> None:
    (folder / "gatekeeper.toml").write_text("mine")
    (folder / "gatekeeper.keys").write_text("my key")

    result = run("init")

    assert result.exit_code == 1
    assert "gatekeeper.toml exists already" in result.stderr
    assert (folder / "gatekeeper.toml").read_text() == "mine"
    assert (folder / "gatekeeper.keys").read_text() == "my key"


def test_init_keeps_a_key_that_is_there(run: Run, folder: Path) -> None:
    (folder / "gatekeeper.keys").write_text("my key")

    result = run("init")

    assert result.exit_code == 0
    assert "Kept gatekeeper.keys" in result.output
    assert (folder / "gatekeeper.keys").read_text() == "my key"


@pytest.mark.parametrize("name", ["Müller & Söhne", 'The "Best" \\ Shop', "[shop]\n# not a comment"])
def test_init_takes_id_name_and_origin_as_they_are(run: Run, folder: Path, name: str) -> None:
    result = run("init", "--site", "my-shop", "--name", name, "--origin", "http://localhost:5000")

    assert result.exit_code == 0, result.output
    sites, _ = load_sites(folder / "gatekeeper.toml")
    site = sites["my-shop"]
    assert (site.name, site.origins) == (name, ("http://localhost:5000",))
    # Without https no cookie can have a prefix, so the notice must not name one.
    assert [cookie.name for cookie in site.trackers["choice"].cookies] == ["gk_choice", "gk_subject"]
    assert "/gk/my-shop/gatekeeper.js" in result.output


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("--origin", "shop.example", "an exact origin"),
        ("--origin", "https://shop.example/", "an exact origin"),
        ("--site", "My Shop", "an id of the form"),
        ("--site", "a.b", "an id of the form"),
        ("--name", "", "the site's name"),
    ],
)
def test_init_refuses_values_that_break_a_rule(run: Run, folder: Path, option: str, value: str, rule: str) -> None:
    result = run("init", option, value)

    assert result.exit_code == 1
    assert rule in result.stderr
    assert list(folder.iterdir()) == []


def test_init_writes_into_a_folder_it_is_given(run: Run, folder: Path) -> None:
    (folder / "etc").mkdir()

    result = run("init", "etc")

    assert {path.name for path in (folder / "etc").iterdir()} == {"gatekeeper.toml", "gatekeeper.keys"}
    assert "gatekeeper check --config etc/gatekeeper.toml" in result.output
    assert run("check", "--config", "etc/gatekeeper.toml").exit_code == 0


# check


def test_check_finds_every_mistake_and_says_how_to_mend_it(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("init")
    edit(
        folder / "gatekeeper.toml", 'purpose = "functional"\nvendor = "videohost"', 'purpose = "fun"\nvendor = "nobody"'
    )
    monkeypatch.setenv("GATEKEEPER_PREFIX", "gk")
    monkeypatch.setenv("GATEKEEPER_SECRET_KEYS", "secret,short")
    monkeypatch.setenv("GATEKEEPER_TRUSTED_PROXIES", "my-proxy")

    result = run("check")

    assert result.exit_code == 1
    assert "6 mistakes" in result.stderr
    for found in (
        "sites.shop.trackers.video.purpose = 'fun'",
        "sites.shop.trackers.video.vendor = 'nobody'",
        "GATEKEEPER_PREFIX = gk",
        "GATEKEEPER_SECRET_KEYS, key 1 of 2",
        "GATEKEEPER_SECRET_KEYS, key 2 of 2",
        "GATEKEEPER_TRUSTED_PROXIES = my-proxy",
    ):
        assert found in result.stderr
    assert result.stderr.count("rule: ") == result.stderr.count("fix:  ") == 6
    assert "short" not in result.stderr.replace("short-", "")


def test_check_names_the_file_that_is_missing(run: Run) -> None:
    result = run("check", "--config", "elsewhere.toml")

    assert result.exit_code == 1
    assert "elsewhere.toml" in result.stderr
    assert "gatekeeper init" in result.stderr


def test_check_sums_up_each_site(run: Run, folder: Path) -> None:
    run("init")

    before = run("check").output
    run("publish")
    edit(folder / "gatekeeper.toml", "Example Company Ltd", "Sample & Sons")
    edit(folder / "gatekeeper.toml", 'country = "IE"', 'country = "US"')
    after = run("check").output

    assert "asks about  functional, analytics, marketing" in before
    assert "choice (necessary), video (functional)" in before
    assert f"of {MAX_VALUE} bytes" in before
    assert "none is published" in before
    assert "controller: name, address, contact as `gatekeeper init` wrote it" in before
    assert "1, behind the configuration: gatekeeper publish shop" in after
    assert "asks again  tracker video" in after
    assert "controller: address, contact as" in after


def test_check_says_what_visitors_cannot_read_in_their_language(run: Run, folder: Path) -> None:
    run("init")
    path = folder / "gatekeeper.toml"
    alone = run("check")
    edit(path, 'language = "en"', 'language = "en"\nlanguages = ["en", "de", "fr", "pt-br"]')
    path.write_text(path.read_text() + '\n[sites.shop.texts.de.trackers.video]\ndescription = "Spielt Filme ab."\n')

    result = run("check")

    assert result.exit_code == 0
    assert "to write" not in alone.output
    german, others = result.output.split("  to write    ")[1:]
    assert german.startswith("de: visitors read these in en")
    assert others.startswith("fr, pt-br: visitors read these in en")
    assert '[sites.shop.texts.de.trackers.choice]\n    description = ""  # Remembers what you chose' in german
    assert 'justification = ""  # Without it you would be asked' in german
    assert "video" not in german
    assert "[sites.shop.texts.fr.trackers.choice]" in others
    assert '[sites.shop.texts.fr.trackers.video]\n    description = ""  # Plays product videos.' in others


def test_what_check_tells_to_write_is_all_that_is_to_write(run: Run, folder: Path) -> None:
    run("init")
    path = folder / "gatekeeper.toml"
    edit(path, 'language = "en"', 'language = "en"\nlanguages = ["en", "de"]')
    told = run("check").output.split("  to write    ")[1].split("\n  to edit")[0].split("\n", 1)[1]
    before = path.read_text()

    path.write_text(before + told)
    empty = run("check")
    path.write_text(before + told.replace('""', '"Steht da."'))
    filled = run("check")

    assert empty.exit_code == 1
    assert "in that language" in empty.stderr
    assert filled.exit_code == 0
    assert "to write" not in filled.output


def test_check_names_the_languages_that_no_person_has_read(run: Run, folder: Path) -> None:
    run("init")
    unread = [tag for tag in TAGS if not languages.words(tag).reviewed]
    line = "a machine translated our own words, and no person has read them yet"
    alone = run("check")
    edit(folder / "gatekeeper.toml", 'language = "en"', f'language = "en"\nlanguages = {json.dumps(TAGS)}')

    result = run("check")

    assert result.exit_code == 0
    assert line not in alone.output
    assert (f"{line}: {', '.join(unread)}\n" in result.output) is bool(unread)


@pytest.mark.row("A5")
def test_check_refuses_colours_that_are_hard_to_tell_and_takes_what_it_offers(run: Run, folder: Path) -> None:
    run("init")
    path = folder / "gatekeeper.toml"
    path.write_text(path.read_text() + '\n[sites.shop.banner.light]\nsoft = "#9a9a9a"\n')

    result = run("check")

    assert result.exit_code == 1
    assert "sites.shop.banner.light.soft = '#9a9a9a'" in result.stderr
    assert "4.5:1 (WCAG 2.2, 1.4.3); soft #9a9a9a on paper #ffffff does by 2.8:1" in result.stderr
    (better,) = re.findall(r'write (soft = "#[0-9a-f]{6}")', result.stderr)
    edit(path, 'soft = "#9a9a9a"', better)
    assert run("check").exit_code == 0


def test_check_says_how_long_a_refusal_holds_where_visitors_may_be_in_the_united_states(run: Run, folder: Path) -> None:
    run("init")
    path, line = folder / "gatekeeper.toml", "write choice_days = 365"
    assert line not in run("check").output

    path.write_text(path.read_text() + '\n[sites.shop.region]\nheader = "CF-IPCountry"\n')
    told = run("check")
    path.write_text(path.read_text().replace("[sites.shop]\n", "[sites.shop]\nchoice_days = 365\n", 1))

    assert (told.exit_code, line in told.output) == (0, True)
    assert line not in run("check").output


def test_check_makes_no_database(run: Run, folder: Path) -> None:
    run("init")
    run("check")

    assert not (folder / "gatekeeper.db").exists()


# publish


@pytest.fixture
def published_once(run: Run, folder: Path) -> Path:
    """A folder whose site has published notice 1; returns its gatekeeper.toml."""
    run("init")
    assert run("publish").exit_code == 0
    return folder / "gatekeeper.toml"


def _numbers() -> list[int]:
    return [notice.no for notice in published(load_config())["shop"]]


def test_publish_makes_the_first_notice(run: Run, folder: Path) -> None:
    run("init")

    result = run("publish")

    assert result.exit_code == 0
    (notice,) = published(load_config())["shop"]
    assert notice.no == 1
    assert notice.hash in result.output
    assert notice.content["controller"]["name"] == "Example Company Ltd"
    assert stat.S_IMODE((folder / "gatekeeper.db").stat().st_mode) == 0o600


def test_publish_publishes_nothing_where_nothing_changed(run: Run, published_once: Path) -> None:
    result = run("publish")

    assert result.exit_code == 0
    assert "nothing changed; notice 1 stays" in result.output
    assert _numbers() == [1]


@pytest.mark.row("EU-19")
def test_publish_marks_what_visitors_are_asked_again(run: Run, published_once: Path) -> None:
    edit(published_once, "retention_days = 30", "retention_days = 60")
    edit(published_once, "1 Example Street", "2 Example Street")

    result = run("publish", "shop")

    assert "asks again  tracker video: functional, Example Video Hosting Ltd (IE), 30 days -> " in result.output
    assert "new         controller changed" in result.output
    assert "are asked again about what is marked" in result.output
    assert _numbers() == [1, 2]


def test_publish_asks_nobody_again_for_a_change_that_is_not_material(run: Run, published_once: Path) -> None:
    edit(published_once, "1 Example Street", "2 Example Street")

    result = run("publish")

    assert "asked again" not in result.output
    assert _numbers() == [1, 2]


def test_publish_dry_run_changes_nothing(run: Run, published_once: Path, folder: Path) -> None:
    edit(published_once, "retention_days = 30", "retention_days = 60")

    result = run("publish", "--dry-run")

    assert "asks again  tracker video" in result.output
    assert "dry run" in result.output
    assert _numbers() == [1]


def test_publish_dry_run_makes_no_database(run: Run, folder: Path) -> None:
    run("init")

    assert run("publish", "--dry-run").exit_code == 0
    assert not (folder / "gatekeeper.db").exists()


def test_publish_names_the_sites_it_knows(run: Run, published_once: Path) -> None:
    result = run("publish", "shpo")

    assert result.exit_code == 1
    assert "'shpo' is not one of shop" in result.stderr


def test_publish_leaves_another_programs_database_alone(run: Run, folder: Path) -> None:
    run("init")
    with closing(sqlite3.connect(folder / "gatekeeper.db")) as connection:
        connection.execute("CREATE TABLE notices (mine TEXT)")
    (folder / "gatekeeper.db").chmod(0o600)

    result = run("publish")

    assert result.exit_code == 1
    assert "gatekeeper upgrade" in result.stderr


def test_upgrade_makes_the_tables(run: Run, folder: Path) -> None:
    run("init")

    assert run("upgrade").exit_code == 0
    with closing(open_store(load_config().database_url)) as store:
        assert store.notices("shop") == []


# Errors and help


def test_no_command_shows_a_traceback(run: Run, folder: Path) -> None:
    for words in (["check"], ["publish"], ["upgrade"], ["serve"]):
        result = run(*words)
        assert result.exit_code == 1
        assert result.stderr.startswith("Error: ")
        assert "gatekeeper init" in result.stderr


def test_wrong_usage_has_exit_code_2(run: Run) -> None:
    assert run("serve", "--port", "0").exit_code == 2
    assert run("publsh").exit_code == 2


def test_a_database_url_that_cannot_be_used_is_one_message(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("init")
    monkeypatch.setenv("GATEKEEPER_DATABASE_URL", "mysql://root:hunter2@db/gatekeeper")

    for words in (["check"], ["publish"], ["upgrade"], ["serve"], ["doctor"]):
        result = run(*words)
        assert result.exit_code == 1
        assert "GATEKEEPER_DATABASE_URL" in result.output
        assert "hunter2" not in result.output


@pytest.mark.parametrize("name", [None, *sorted(main.commands)])
def test_every_command_has_help(run: Run, name: str | None) -> None:
    result = run(*[word for word in (name, "--help") if word])

    assert result.exit_code == 0
    assert len(result.output) > 200


def test_help_lists_the_environment_variables(run: Run) -> None:
    text = run("--help").output

    assert all(name in text for name in VARIABLES)


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "gatekeeper", "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("gatekeeper, version ")


# serve


@contextmanager
def serving(port: int, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Serve from the current folder, in a process group of its own, until the end."""
    call = [sys.executable, "-m", "gatekeeper", "serve", "--port", str(port), *words]
    with (
        Path("serve.log").open("w") as log,
        subprocess.Popen(call, stdout=log, stderr=log, text=True, start_new_session=True) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or answers(port), "it answers")
            assert process.poll() is None, Path("serve.log").read_text()
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(holds: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


def workers(process: subprocess.Popen[str]) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.mark.row("SE-22")
def test_serve_answers_and_logs_nobody(published_once: Path, folder: Path, port: int) -> None:
    with serving(port) as process:
        url = f"http://127.0.0.1:{port}/gk/shop/"
        headers = {"User-Agent": "canary-agent", "Referer": "http://canary.example/", "X-Forwarded-For": "203.0.113.77"}
        with urlopen(Request(f"{url}gatekeeper.js?q=canary-query", headers=headers)) as response:
            assert response.status == 200
        with pytest.raises(HTTPError) as refused, urlopen(Request(f"{url}canary-path", headers=headers)):
            pass
        refused.value.close()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET canary-garbage\r\n\r\n")
            connection.recv(1000)
        process.terminate()
        assert process.wait(20) == 0

    lines = [json.loads(line) for line in Path("serve.log").read_text().splitlines()]
    assert [line["message"] for line in lines] == [
        f"Gatekeeper 0.1.0 serves shop at http://127.0.0.1:{port}/gk/",
        "Gatekeeper has ended in good order",
    ]
    for path in folder.iterdir():
        for canary in (b"canary", b"203.0.113.77"):
            assert canary not in path.read_bytes(), path


def test_a_second_serving_process_refuses_to_start_and_names_both_ways_out(published_once: Path, port: int) -> None:
    with serving(port):
        done = subprocess.run(
            [sys.executable, "-m", "gatekeeper", "serve", "--port", str(free_port())],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    assert done.returncode == 1
    assert "another Gatekeeper process already serves from" in done.stderr
    assert "Run one process" in done.stderr
    assert "PostgreSQL" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_work_beside_a_serving_process(run: Run, published_once: Path, port: int) -> None:
    edit(published_once, "1 Example Street", "2 Example Street")

    with serving(port):
        assert run("publish").exit_code == 0
        assert is_served(load_config().database_url)

        def notice() -> str:
            with urlopen(f"http://127.0.0.1:{port}/gk/shop/notice") as response:
                return str(response.read())

        wait_until(lambda: "2 Example Street" in notice(), "the new notice is served")


def test_a_worker_that_dies_is_replaced(published_once: Path, port: int) -> None:
    with serving(port) as process:
        (first,) = workers(process)
        os.kill(first, signal.SIGKILL)

        wait_until(lambda: workers(process) not in ([], [first]) and answers(port), "another worker answers")

        assert process.poll() is None


def test_a_killed_server_leaves_no_worker_behind(published_once: Path, port: int) -> None:
    with serving(port) as process:
        process.kill()
        process.wait()

        wait_until(lambda: not answers(port), "nobody answers")
        wait_until(lambda: not is_served(load_config().database_url), "the lock is free")


@pytest.mark.parametrize(
    "numbers",
    [[signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP], [signal.SIGSTOP, signal.SIGCONT, signal.SIGTERM]],
    ids=["interrupted", "terminated", "hung up", "stopped and terminated"],
)
def test_a_signal_to_the_group_ends_it_in_good_order(
    published_once: Path, port: int, numbers: list[signal.Signals]
) -> None:
    with serving(port) as process:
        for _ in range(3):
            with urlopen(f"http://127.0.0.1:{port}/gk/shop/b/video.gif") as response:
                assert response.status == 200
        for number in numbers:
            os.killpg(process.pid, number)

        assert process.wait(8) == 0, "a worker that does not end is killed after 10 s"

    assert "exit" not in Path("serve.log").read_text()
    # The tally waits up to a minute in memory; stopping writes it.
    with closing(open_store(load_config().database_url)) as store:
        assert sum(n for total, n in store.totals("shop").items() if total.name == "video") == 3


def test_a_worker_that_cannot_start_ends_the_service_with_an_error(published_once: Path, port: int) -> None:
    with closing(open_store(load_config().database_url)) as store, socket.socket():
        store.start()
        code = "from gatekeeper.config import load_config; from gatekeeper.serving import serve; "
        code += f"serve(load_config(), host='127.0.0.1', port={port}, threads=2, workers=1)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 1
    assert "another Gatekeeper process already serves from" in done.stderr
    assert "crash loop" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_refuses_a_port_that_is_taken(run: Run, published_once: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        result = run("serve", "--port", str(taken.getsockname()[1]))

    assert result.exit_code == 1
    assert "Address already in use" in result.stderr
    assert "--port" in result.stderr


def test_serve_refuses_more_than_one_worker_on_sqlite(run: Run, published_once: Path) -> None:
    result = run("serve", "--workers", "2")

    assert result.exit_code == 1
    assert "2 workers cannot share a SQLite file" in result.stderr
    assert "--threads" in result.stderr


@pytest.mark.row("SE-18")
@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("FLASK_DEBUG", "1", "debug mode"),
        ("GATEKEEPER_SECRET_KEYS", "change-me", "a key nobody can guess"),
        ("GATEKEEPER_SECRET_KEYS", "kJ8s0dLq2", "at least 32 characters"),
        ("GATEKEEPER_SECRET_KEYS", "a" * 64, "a key nobody can guess"),
    ],
)
def test_serve_refuses_debug_mode_and_keys_that_can_be_guessed(
    run: Run, published_once: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, rule: str
) -> None:
    monkeypatch.setenv(name, value)

    result = run("serve")

    assert result.exit_code == 1
    assert rule in result.stderr


@pytest.mark.row("SE-18")
def test_serve_refuses_a_key_file_that_others_may_read(run: Run, published_once: Path, folder: Path) -> None:
    (folder / "gatekeeper.keys").chmod(0o644)

    result = run("serve")

    assert result.exit_code == 1
    assert "not readable by others" in result.stderr
    assert "chmod 600" in result.stderr


def test_the_configuration_named_on_the_command_line_is_the_one_that_is_served(
    run: Run, folder: Path, port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    run("init", str(elsewhere), "--site", "other")

    with (
        serving(port, "--config", str(elsewhere / "gatekeeper.toml")),
        urlopen(f"http://127.0.0.1:{port}/gk/other/gatekeeper.js") as response,
    ):
        assert response.status == 200

    assert tomllib.loads((elsewhere / "gatekeeper.toml").read_text())["sites"].keys() == {"other"}
