"""The files for pre-commit, Claude Code and GitHub Actions: their data, and their commands run."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend_developer.files import LANGUAGES
from editors.support import environment, program

ROOT = Path(__file__).parents[2]
EDITORS = ROOT / "editors"
UNSAFE = "import tarfile\n\n\ndef unpack(path):\n    tarfile.open(path).extractall('out')\n"


def run(folder: Path, command: str, given: str = "") -> subprocess.CompletedProcess[str]:
    program("backend-developer", "pip install -e .")
    bash = program("bash", "apt-get install bash")
    return subprocess.run(
        [bash, "-c", command],
        cwd=folder,
        env=environment(folder / "home"),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True, capture_output=True)


def test_pre_commit_hook(tmp_path: Path) -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    pattern = re.compile(hook["files"])
    assert {suffix for suffix in LANGUAGES if pattern.search(f"app{suffix}")} == set(LANGUAGES)
    assert not pattern.search("README.md")
    (tmp_path / "app.py").write_text(UNSAFE)
    done = run(tmp_path, f"{hook['entry']} app.py")
    assert done.returncode == 1, done.stderr
    assert "security/archive-extraction" in done.stdout


def test_claude_code_plugin() -> None:
    folder = EDITORS / "claude-code"
    manifest = json.loads((folder / ".claude-plugin" / "plugin.json").read_text())
    assert manifest["name"] == "backend-developer"
    servers = json.loads((folder / ".lsp.json").read_text())
    [server] = servers.values()
    assert [server["command"], *server["args"]] == ["backend-developer", "serve"]
    assert server["extensionToLanguage"] == dict(LANGUAGES)


@pytest.mark.parametrize(
    ("name", "text", "code", "expected"),
    [
        ("app.py", UNSAFE, 2, "security/archive-extraction"),
        ("app.py", "x = 1\n", 0, ""),
        ("README.md", "# Shop\n", 0, ""),
    ],
    ids=["finding", "clean", "other-language"],
)
def test_claude_code_hook(tmp_path: Path, name: str, text: str, code: int, expected: str) -> None:
    program("jq", "apt-get install jq")
    readme = (EDITORS / "claude-code" / "README.md").read_text()
    [block] = re.findall("```json\n(.*?)```", readme, re.S)
    [entry] = json.loads(block)["hooks"]["PostToolUse"]
    [hook] = entry["hooks"]
    (tmp_path / name).write_text(text)
    event = json.dumps({"tool_input": {"file_path": str(tmp_path / name)}})
    done = run(tmp_path, hook["command"], event)
    assert done.returncode == code, done.stderr
    assert expected in done.stderr


def test_github_workflow_reviews_what_changed(tmp_path: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(
        (EDITORS / "github-actions" / "backend-developer.yml").read_text()
    )
    steps = workflow["jobs"]["changed"]["steps"]
    [command] = [step["run"] for step in steps if step.get("name") == "Review"]
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text("home\n")
    (tmp_path / "old.py").write_text(UNSAFE)
    (tmp_path / "gone.py").write_text(UNSAFE)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    git(tmp_path, "branch", "base")

    def changed() -> subprocess.CompletedProcess[str]:
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "-m", "change")
        return run(tmp_path, f"BASE=base\nset -eo pipefail\n{command}")

    (tmp_path / "gone.py").unlink()
    (tmp_path / "notes.md").write_text("# Notes\n")
    done = changed()
    assert (done.returncode, done.stdout) == (0, "")
    (tmp_path / "new app.py").write_text(UNSAFE)
    done = changed()
    assert done.returncode != 0
    assert re.findall("^::error file=([^,]+),line=(\\d+)", done.stdout, re.M) == [
        ("new app.py", "5")
    ]


def test_github_workflow_writes_sarif(tmp_path: Path) -> None:
    workflow = yaml.safe_load((EDITORS / "github-actions" / "backend-developer.yml").read_text())
    steps = workflow["jobs"]["everything"]["steps"]
    [command] = [step["run"] for step in steps if "sarif" in step.get("run", "")]
    (tmp_path / "app.py").write_text(UNSAFE)
    assert run(tmp_path, command).returncode == 0
    [upload] = [step["with"] for step in steps if "upload-sarif" in step.get("uses", "")]
    report = json.loads((tmp_path / upload["sarif_file"]).read_text())
    assert report["version"] == "2.1.0"
    assert report["runs"][0]["results"]


@pytest.mark.parametrize("page", sorted(EDITORS.glob("*.md")), ids=lambda page: page.stem)
def test_pages_say_whether_they_were_run(page: Path) -> None:
    assert re.search(r"Tested in|Follows the\s+\[?documentation", page.read_text())
