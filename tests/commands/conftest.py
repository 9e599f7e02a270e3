"""A folder to work in, and commands run there as their users do."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatekeeper.cli import main
from gatekeeper.config import VARIABLES

from .folders import Run


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


@pytest.fixture
def published_once(run: Run, folder: Path) -> Path:
    """A folder whose site has published notice 1; returns its gatekeeper.toml."""
    run("init")
    assert run("publish").exit_code == 0
    return folder / "gatekeeper.toml"
