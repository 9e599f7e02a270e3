"""What all commands have in common: errors, help, usage."""

import subprocess
import sys
from pathlib import Path

import pytest

from gatekeeper.cli import main
from gatekeeper.config import VARIABLES

from .folders import Run


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
