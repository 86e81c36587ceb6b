"""The server in a real Emacs with eglot, configured as `editors/emacs.md` says.

Emacs 28's eglot is the client with the fewest capabilities: positions in UTF-16, no progress.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from editors.support import agree, environment, missing, program
from loopback_model import KEY, LoopbackModel, Reply, answer, change_answer, finding

EDITORS = Path(__file__).parents[3] / "editors"
DRIVER = Path(__file__).with_name("driver.el")
SECONDS = 150

UNSAFE = """\
import tarfile


def unpack():
    archive = tarfile.open("in.tar")  # noqa: SIM115
    print("🦊 é"); archive.extractall("out")


def size(path):
    return len(path)
"""
CODE = 'archive.extractall("out")'
FIX = "Extract with the data filter"
SAFE = UNSAFE.replace('"out"', '"out", filter="data"')
WAIT_FOR_FIX = f'(driver-go-to "extractall") (driver-until (lambda () (driver-offered "{FIX}")))'


def emacs(folder: Path, script: str, text: str = UNSAFE, **variables: str) -> Any:
    """What the script, which runs with `text` open as app.py, gives to `driver-answer`."""
    executable = program("emacs", "apt-get install emacs-nox elpa-eglot")
    variables = environment(folder / "home", **variables)
    [configuration] = re.findall("```elisp\n(.*?)```", (EDITORS / "emacs.md").read_text(), re.S)
    workspace = folder / "shop"
    (workspace / ".git").mkdir(parents=True, exist_ok=True)
    file, start = workspace / "app.py", folder / "script.el"
    file.write_text(text)
    start.write_text(
        f"{configuration}\n(driver-open {json.dumps(str(file))})\n"
        "(driver-until (lambda () (eglot-current-server)))\n"
        f"(unwind-protect (progn {script})\n"
        "  (ignore-errors (eglot-shutdown (eglot-current-server))))\n"
    )
    done = subprocess.run(
        [executable, "--batch", "-q", "-l", DRIVER, "-l", start],
        cwd=workspace,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if "Cannot open load file" in done.stderr and "eglot" in done.stderr:
        missing("Emacs has no eglot: apt-get install elpa-eglot")
    answers = re.findall("^ANSWER (.*)$", done.stdout, re.M)
    assert done.returncode == 0, done.stderr
    assert answers, done.stderr
    return json.loads(answers[-1])


def test_a_finding_is_marked_where_it_is(tmp_path: Path) -> None:
    [found] = emacs(tmp_path, "(driver-until #'driver-findings) (driver-answer (driver-findings))")
    message, line, code = found
    assert "Archive unpacked without checking its paths" in message
    assert (line, code) == (6, CODE)


def test_fix(tmp_path: Path) -> None:
    text, left = emacs(
        tmp_path,
        f"""{WAIT_FOR_FIX}
        (driver-choose "{FIX}" #'eglot-code-actions)
        (driver-idle)
        (driver-until (lambda () (null (driver-findings))))
        (driver-answer (vector (buffer-string) (length (driver-findings))))""",
    )
    assert (text, left) == (SAFE, 0)


def test_stale_fix_is_refused(tmp_path: Path) -> None:
    failure, text = emacs(
        tmp_path,
        f"""{WAIT_FOR_FIX}
        (let ((failure (condition-case failure
                           (driver-choose "{FIX}" #'eglot-code-actions
                             (lambda ()
                               (save-excursion (goto-char (point-min)) (driver-type "# new\\n"))))
                         (error (format "%S" failure)))))
          (driver-answer (vector failure (buffer-string))))""",
    )
    assert "require version" in failure
    assert text == f"# new\n{UNSAFE}"


def test_fix_after_the_text_has_moved(tmp_path: Path) -> None:
    text = emacs(
        tmp_path,
        f"""{WAIT_FOR_FIX}
        (goto-char (point-min)) (driver-type "# new\\n")
        {WAIT_FOR_FIX}
        (driver-choose "{FIX}" #'eglot-code-actions)
        (driver-answer (buffer-string))""",
    )
    assert text == f"# new\n{SAFE}"


def test_dismissed_and_away_after_reopening(tmp_path: Path) -> None:
    left = emacs(
        tmp_path,
        f"""{WAIT_FOR_FIX}
        (driver-choose "Dismiss security/archive-extraction here: accepted" #'eglot-code-actions)
        (driver-until (lambda () (null (driver-findings))))
        (kill-buffer)
        (driver-open "app.py")
        (goto-char (point-max)) (driver-type "eval(size)\\n")
        (driver-until #'driver-findings)
        (driver-answer (driver-findings))""",
    )
    assert all("Archive" not in message for message, _, _ in left)
    assert "accepted risk" in (tmp_path / "shop" / ".backend-developer.dismissed.yml").read_text()


def test_review_of_a_region(tmp_path: Path, model: LoopbackModel) -> None:
    quote = "connection.count(name)"
    model.script(Reply(answer(finding(quote=quote, line=2))))
    agree(tmp_path / "home" / "state", tmp_path / "shop", model)
    [found] = emacs(
        tmp_path,
        """(driver-until (lambda () (driver-offered "Review security")))
        (goto-char (point-min)) (set-mark (point)) (forward-line 2)
        (transient-mark-mode 1) (activate-mark)
        (driver-choose "Review security (agent: " #'backend-developer-review)
        (driver-until #'driver-findings)
        (driver-answer (driver-findings))""",
        f'def find(connection, name):\n    return "🦊", {quote}\n\n\ndef other():\n    return 1\n',
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_BASE_URL=model.url,
    )
    assert found[1:] == [2, quote]
    assert "Lines 1 to 2 of the file are selected" in json.dumps(model.requests[0].body)


def test_review_says_how_it_ended(tmp_path: Path) -> None:
    messages = emacs(
        tmp_path,
        """(driver-until (lambda () (driver-offered "Review performance")))
        (driver-choose "Review performance" #'backend-developer-review)
        (driver-until (lambda () (string-match-p "no findings" (driver-messages))))
        (driver-answer (driver-messages))""",
    )
    assert "Review performance: no findings; engine: local." in messages


def test_cancelled(tmp_path: Path, model: LoopbackModel) -> None:
    text = answer(finding(quote="len(path)", line=10), finding(quote="path", line=4))
    model.script(Reply(text, fault="stall", after=text.rindex('"path"')))
    agree(tmp_path / "home" / "state", tmp_path / "shop", model)
    [found] = emacs(
        tmp_path,
        """(driver-until (lambda () (driver-offered "Review security")))
        (driver-choose "Review security" #'backend-developer-review)
        (driver-until #'driver-findings)
        (backend-developer-cancel)
        (accept-process-output nil 1)
        (driver-answer (driver-findings))""",
        "def size(path):\n    return len(path)\n",
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_BASE_URL=model.url,
    )
    assert found[1:] == [2, "len(path)"]
    assert model.requests[0].disconnected.is_set()


ORDERS = 'from store import rows\n\n\ndef list_orders():\n    return "🦊", rows("orders")\n'
STORE = "def rows(table):\n    return [table]\n"
PAGINATE = "---\nname: paginate\ntitle: Add pagination\nkind: change\n---\nAdd it.\n"
PAGED = {"file": "app.py", "line": 5, "old": '"🦊", rows', "new": '"🦊", "🐺", rows'}
BOUNDED = {"file": "store.py", "line": 2, "old": "return [table]", "new": "return [table][:9]"}


def change(folder: Path, model: LoopbackModel, text: str, script: str) -> Any:
    """What the script answers, which runs when such a change was proposed."""
    model.script(Reply(text))
    agree(folder / "home" / "state", folder / "shop", model)
    task = folder / "shop" / ".claude" / "backend-developer" / "tasks" / "paginate.md"
    task.parent.mkdir(parents=True)
    task.write_text(PAGINATE)
    (folder / "shop" / "store.py").write_text(STORE)
    return emacs(
        folder,
        f"""(driver-go-to "def list_orders")
        (driver-until (lambda () (driver-offered "Add pagination (agent: ")))
        (driver-choose "Add pagination (agent: " #'eglot-code-actions)
        (driver-until #'driver-findings)
        (driver-go-to "def list_orders")
        {script}""",
        ORDERS,
        ANTHROPIC_API_KEY=KEY,
        ANTHROPIC_BASE_URL=model.url,
    )


def test_a_change_of_two_files(tmp_path: Path, model: LoopbackModel) -> None:
    text = change_answer(explanation=["Bounded."], edits=[PAGED, BOUNDED])
    [message, *_], asked, *buffers = change(
        tmp_path,
        model,
        text,
        """(let ((marker (elt (driver-findings) 0)) (asked ""))
          (cl-letf (((symbol-function 'y-or-n-p) (lambda (question) (setq asked question))))
            (driver-choose "Take: Add pagination (2 files, +2 −2)" #'eglot-code-actions))
          (driver-answer (vector marker asked (buffer-string)
            (with-current-buffer (find-buffer-visiting "store.py") (buffer-string)))))""",
    )
    assert "Add pagination: 2 files, +2 −2. Take it," in message
    assert "Server wants to edit" in asked, "eglot asks before it edits files that are not open"
    assert buffers == [
        ORDERS.replace(PAGED["old"], PAGED["new"]),
        STORE.replace(BOUNDED["old"], BOUNDED["new"]),
    ]


def test_a_change_that_makes_a_file_is_taken_in_part(tmp_path: Path, model: LoopbackModel) -> None:
    new = {"path": "pages.py", "content": "LIMIT = 50\n"}
    text = change_answer(explanation=["Bounded."], edits=[PAGED, BOUNDED], files=[new])
    [[message, *_], can_take_all, code] = change(
        tmp_path,
        model,
        text,
        """(let ((marker (elt (driver-findings) 0))
              (can-take-all (driver-offered "Take: Add pagination")))
          (driver-choose "Only app.py of it" #'eglot-code-actions)
          (driver-until (lambda () (driver-offered "Take: part of")))
          (driver-choose "Take: part of Add pagination (1 file" #'eglot-code-actions)
          (driver-answer (vector marker can-take-all (buffer-string))))""",
    )
    assert "This editor cannot make files: take those that exist one by one" in message
    assert not can_take_all
    assert code == ORDERS.replace(PAGED["old"], PAGED["new"])
