"""What the documents say is there: every command, variable and target, and nothing that is not."""

import re
from pathlib import Path

import pytest
from click import Group

from gatekeeper.cli import main
from gatekeeper.config import VARIABLES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("name", VARIABLES)
def test_the_readme_lists_every_variable(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", README, re.MULTILINE)


@pytest.mark.parametrize("name", main.commands)
def test_the_readme_lists_every_command(name: str) -> None:
    assert re.search(rf"^\| `gatekeeper {name}` \|", README, re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_in_a_document_exists(path: Path) -> None:
    text = path.read_text("utf-8")

    for name, rest in re.findall(r"(?:^|`|bin/)gatekeeper ([a-z]+)(.*?)(?=[`\n])", text, re.MULTILINE):
        assert name in main.commands, f"gatekeeper {name}"
        command = main.commands[name]
        if isinstance(command, Group) and (words := rest.split()):
            assert words[0] in command.commands, f"gatekeeper {name}{rest}"
            command = command.commands[words[0]]
        known = {option for param in command.params for option in param.opts} | {"--help"}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"gatekeeper {name}{rest}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_variable_in_a_document_exists(path: Path) -> None:
    assert set(re.findall(r"GATEKEEPER_[A-Z_]+[A-Z]", path.read_text("utf-8"))) <= set(VARIABLES)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_in_a_document_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text("utf-8"), re.MULTILINE)) <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_in_a_document_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        file, _, anchor = target.partition("#")
        found = path.parent / file if file else path
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readmes_code_map_is_true() -> None:
    (block,) = re.findall(r"```\n(gatekeeper/core/.*?)```", README, re.DOTALL)

    for word in re.findall(r"^(\S+/)", block, re.MULTILINE):
        assert (ROOT / word).is_dir(), word
    for name in re.findall(r"[a-z_]+\.(?:py|js|toml)", block):
        assert [*(ROOT / "gatekeeper").rglob(name), *(ROOT / "static").rglob(name)], name


def test_the_run_of_the_tests_is_the_readmes() -> None:
    assert re.search(r"^make test\b", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert re.search(r"^make test\b", README, re.MULTILINE)
