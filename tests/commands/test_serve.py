"""`gatekeeper serve`: a real process, its workers, its end, and what it refuses to serve."""

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from gatekeeper.config import load_config
from gatekeeper.databases import is_served
from gatekeeper.store.engines import open_store
from tests.ports import free_port
from tests.waiting import wait_until

from .folders import Run, edit


@contextmanager
def serving(port: int, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Serve from the current folder, in a process group of its own, until the end."""
    call = [sys.executable, "-m", "gatekeeper", "serve", "--port", str(port), *words]
    with (
        Path("serve.log").open("w") as log,
        subprocess.Popen(call, stdout=log, stderr=log, text=True, start_new_session=True) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None, Path("serve.log").read_text()
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


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

        wait_until(lambda: "2 Example Street" in notice())


def test_a_worker_that_dies_is_replaced(published_once: Path, port: int) -> None:
    with serving(port) as process:
        (first,) = workers(process)
        os.kill(first, signal.SIGKILL)

        wait_until(lambda: workers(process) not in ([], [first]) and answers(port))

        assert process.poll() is None


def test_a_killed_server_leaves_no_worker_behind(published_once: Path, port: int) -> None:
    with serving(port) as process:
        process.kill()
        process.wait()

        wait_until(lambda: not answers(port))
        wait_until(lambda: not is_served(load_config().database_url))


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
