"""A change brings no finding in; what was found before it, and only moved, is none of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backend_developer.change import Fit, Refused, Workshop, check
from backend_developer.checks import FixChecker
from backend_developer.core.changes import ChangeSet, FileChange, Missing, split
from backend_developer.core.model import (
    AgentDefinition,
    Document,
    Span,
    TaskDefinition,
    TextEdit,
)
from backend_developer.engines.base import ReviewRequest
from backend_developer.engines.local import LocalEngine
from backend_developer.files import language_of
from backend_developer.settings import Settings

CHECKER = FixChecker(LocalEngine())


class NoFiles:
    def find(self, path: str) -> Missing:
        return Missing(document_of(path, ""))


def document_of(path: str, text: str) -> Document:
    return Document(f"file:///srv/{path}", f"/srv/{path}", language_of(Path(path)) or "", text)


async def reasons_of(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Why the change that makes `after` of `before`, by path, is refused."""
    files = []
    for path, text in sorted(after.items()):
        old = before.get(path, "")
        edits = split(old, TextEdit(Span(0, len(old)), text))
        files.append(FileChange(path, document_of(path, old), edits, is_new=path not in before))
    [path, *_] = after
    request = ReviewRequest(
        document=document_of(path, before.get(path, "")),
        span=Span(0, 0),
        task=TaskDefinition("extract-function", "Extract", "change", (), "", ""),
        agent=AgentDefinition("backend-developer", "", "", "", "built-in"),
        settings=Settings(),
    )
    result = await check(
        ChangeSet(tuple(files)), request, Workshop(NoFiles(), CHECKER, lambda change: Fit())
    )
    return result.reasons if isinstance(result, Refused) else ()


LOGIN = """\
import type { Request, Response } from "express";
import { createHash } from "node:crypto";
import { credentials, users } from "./users.js";

const md5 = (text: string) => createHash("md5").update(text).digest("hex");

export async function login(req: Request, res: Response) {
  const { email, password } = req.body as { email: string; password: string };
  const user = await users.find(email);
  if (user.hash !== createHash("md5").update(password).digest("hex")) {
    return res.status(401).end();
  }
  return res.json(user);
}
"""
OLD_LINES = LOGIN[LOGIN.index("  const { email") : LOGIN.index("    return res.status")]
NEW_LINES = """\
  const parsed = credentials.safeParse(req.body);
  if (!parsed.success) {
    return res.status(400).json(parsed.error);
  }
  const { email, password } = parsed.data;
  const user = await users.find(email);
  const isRight = user.hash === createHash("md5").update(password).digest("hex");
  if (!isRight) {
"""
PYTHON = """\
import hashlib


def digest_of(password):
    return hashlib.md5(password.encode()).hexdigest()


def is_right(user, password):
    return user.digest == digest_of(password)
"""
HASH = PYTHON[PYTHON.index("def digest_of") : PYTHON.index("def is_right")]


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        pytest.param(
            {"a.py": PYTHON},
            {"a.py": PYTHON.replace(HASH, "") + "\n\n" + HASH.rstrip() + "\n"},
            (),
            id="to another place of the file",
        ),
        pytest.param(
            {"a.py": PYTHON},
            {
                "a.py": PYTHON.replace(HASH, "").replace(
                    "import hashlib", "from b import digest_of"
                ),
                "b.py": "import hashlib\n\n\n" + HASH.rstrip() + "\n",
            },
            (),
            id="to a new file",
        ),
        pytest.param(
            {"a.py": PYTHON},
            {"a.py": PYTHON + "\n\n" + HASH.replace("digest_of", "other").rstrip() + "\n"},
            ("a.py: It brings in {rule} on line 13: `{code}`.",),
            id="a second time",
        ),
        pytest.param(
            {"a.py": PYTHON},
            {
                "a.py": PYTHON + "\n\nLIMIT = 20\n",
                "b.py": "import hashlib\n\n\n" + HASH.rstrip() + "\n",
            },
            ("b.py: It brings in {rule} on line 5: `{code}`.",),
            id="a second time in another file",
        ),
    ],
)
async def test_what_was_found_before(
    before: Mapping[str, str], after: Mapping[str, str], reasons: tuple[str, ...]
) -> None:
    said = {
        "rule": "security/password-hash-too-fast",
        "code": "return hashlib.md5(password.encode()).hexdigest()",
    }
    assert await reasons_of(before, after) == tuple(one.format(**said) for one in reasons)


async def test_what_is_written_around_an_old_finding() -> None:
    assert await reasons_of({"a.ts": LOGIN}, {"a.ts": LOGIN.replace(OLD_LINES, NEW_LINES)}) == ()
