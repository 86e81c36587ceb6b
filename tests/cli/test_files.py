"""Which files a path stands for, and what is said of those that cannot be read."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from backend_developer.files import Content, SourceFile, UnreadableError, find, read

Write = Callable[[Mapping[str, str | bytes]], None]


def names(*paths: str) -> list[str]:
    return [file.path for file in find(paths).files]


# --- What a walk finds


def test_files_are_recognised_by_their_name(write: Write) -> None:
    files = {
        "Dockerfile": "dockerfile",
        "a.Dockerfile": "dockerfile",
        "b.py": "python",
        "build/../Dockerfile.web": "dockerfile",
        "Containerfile": "dockerfile",
        "schema.sql": "sql",
        "compose.yml": "yaml",
        "schema.graphql": "graphql",
        "schema.prisma": "prisma",
        ".github/workflows/test.yaml": "yaml",
    }
    write(dict.fromkeys([*files, "Dockerfile", "a.toml", "Dockerfiles/readme.md"], ""))
    found = {os.path.normpath(file.path): file.language for file in find(["."]).files}
    assert found == {os.path.normpath(name): language for name, language in files.items()}


def test_data_is_left_out_of_a_walk_without_a_word(write: Write) -> None:
    write(
        {
            "openapi.json": '{"info": {}, "openapi": "3.1.0"}',
            "data.json": '{"openapi_url": 1}',
            "package-lock.json": '{"openapi": "3.1.0"}',
            "pnpm-lock.yaml": "a: 1\n",
            "dump.sql": "SELECT 1;\n" * 120_000,
            "a.py": "",
        }
    )
    found = find(["."])
    assert [file.path for file in found.files] == ["a.py", "openapi.json"]
    assert (found.problems, found.notes) == ((), ())
    assert names("data.json", "package-lock.json") == ["data.json", "package-lock.json"]


IGNORES: dict[str, tuple[dict[str, str], list[str]]] = {
    "a name at any depth": (
        {".gitignore": "skip.py\n", "skip.py": "", "a/skip.py": "", "a/b.py": ""},
        ["a/b.py"],
    ),
    "a leading slash anchors": (
        {".gitignore": "/skip.py\n", "skip.py": "", "a/skip.py": ""},
        ["a/skip.py"],
    ),
    "a slash in the middle anchors": (
        {".gitignore": "a/skip.py\n", "a/skip.py": "", "b/a/skip.py": ""},
        ["b/a/skip.py"],
    ),
    "a trailing slash is for folders": (
        {".gitignore": "gen/\n", "gen/a.py": "", "b/gen/a.py": "", "gen.py": ""},
        ["gen.py"],
    ),
    "a folder's pattern leaves a file of that name": (
        {".gitignore": "main.py/\n", "main.py": ""},
        ["main.py"],
    ),
    "star, double star and question mark": (
        {
            ".gitignore": "*_pb2.py\na/**/x.py\n?.js\n",
            "m_pb2.py": "",
            "a/x.py": "",
            "a/b/c/x.py": "",
            "b/x.py": "",
            "q.js": "",
            "qq.js": "",
        },
        ["b/x.py", "qq.js"],
    ),
    "negation": (
        {".gitignore": "*.py\n!keep.py\n", "a.py": "", "keep.py": "", "b/keep.py": ""},
        ["b/keep.py", "keep.py"],
    ),
    "negation below an ignored folder has no effect": (
        {".gitignore": "gen/\n!gen/keep.py\n", "gen/keep.py": "", "a.py": ""},
        ["a.py"],
    ),
    "negation below the content of a folder has": (
        {".gitignore": "gen/*\n!gen/keep.py\n", "gen/keep.py": "", "gen/a.py": ""},
        ["gen/keep.py"],
    ),
    "negation below a folder's content of any depth has": (
        {
            ".gitignore": "gen/**\n!gen/in/\n!gen/in/keep.py\n",
            "gen/a.py": "",
            "gen/in/a.py": "",
            "gen/in/keep.py": "",
        },
        ["gen/in/keep.py"],
    ),
    "an inner file goes before an outer one": (
        {".gitignore": "*.py\n", "a/.gitignore": "!*.py\n", "a/b.py": "", "c.py": ""},
        ["a/b.py"],
    ),
    "an inner file is for its folder only": (
        {"a/.gitignore": "x.py\n", "a/x.py": "", "x.py": ""},
        ["x.py"],
    ),
    "everything but one folder": (
        {".gitignore": "/*\n!/src/\n", "src/a.py": "", "b.py": "", "c/d.py": ""},
        ["src/a.py"],
    ),
    "comments, blank lines, CRLF and a byte order mark": (
        {".gitignore": "\ufeff# all\r\n\r\nskip.py\r\n", "skip.py": "", "a.py": ""},
        ["a.py"],
    ),
    "a pattern that cannot be read hides no other": (
        {".gitignore": "bad\\\nskip.py\n", "skip.py": "", "a.py": ""},
        ["a.py"],
    ),
    "info/exclude": (
        {".git/info/exclude": "skip.py\n", "skip.py": "", "a.py": ""},
        ["a.py"],
    ),
}


@pytest.mark.parametrize(("files", "expected"), IGNORES.values(), ids=IGNORES.keys())
def test_a_walk_respects_ignore_files(
    write: Write, files: dict[str, str], expected: list[str]
) -> None:
    write(files)
    assert names(".") == expected


@pytest.mark.parametrize(("files", "expected"), IGNORES.values(), ids=IGNORES.keys())
def test_git_itself_agrees(
    write: Write, folder: Path, files: dict[str, str], expected: list[str]
) -> None:
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    write(files)
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard", "*.py", "*.js"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    assert sorted(listed.stdout.split()) == sorted(expected)


def test_folders_above_the_one_asked_for_have_their_say(write: Write) -> None:
    write({".gitignore": "skip.py\n", "a/skip.py": "", "a/b.py": ""})
    assert names("a") == ["a/b.py"]


def test_an_ignored_path_that_is_named_is_reviewed(write: Write) -> None:
    write({".gitignore": "gen/\nskip.py\n", "gen/a.py": "", "gen/b/c.py": "", "skip.py": ""})
    assert names("skip.py") == ["skip.py"]
    assert names("gen") == ["gen/a.py", "gen/b/c.py"]
    assert names("gen/b") == ["gen/b/c.py"]
    assert names("gen/a.py") == ["gen/a.py"]


def test_a_linked_work_tree_uses_the_exclude_file_of_its_repository(
    write: Write, folder: Path
) -> None:
    (folder / ".git").rmdir()
    write(
        {
            ".git": "gitdir: main/.git/worktrees/w\n",
            "main/.git/worktrees/w/commondir": "../..\n",
            "main/.git/info/exclude": "skip.py\n",
            "skip.py": "",
            "a.py": "",
        }
    )
    assert names(".") == ["a.py"]


def test_what_nobody_wrote_is_left_out(write: Write) -> None:
    write(
        {
            "node_modules/a/index.js": "",
            "env/pyvenv.cfg": "",
            "env/lib/a.py": "",
            ".venv/lib/a.py": "",
            ".hidden/a.py": "",
            "build/a.py": "",
            "dist/a.js": "",
            "a/__pycache__/b.py": "",
            "x.egg-info/a.py": "",
            "static/jquery.min.js": "",
            "env.py": "",
        }
    )
    assert names(".") == ["env.py"]


def test_files_come_once_and_in_the_order_asked_for(write: Write) -> None:
    write({"b.py": "", "a/2.py": "", "a/10.py": "", "a/c/d.py": "", "a/b.ts": ""})
    assert names("b.py", "a", "./a/2.py") == ["b.py", "a/10.py", "a/2.py", "a/b.ts", "a/c/d.py"]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("a.PY", "python"),
        ("a.js", "javascript"),
        ("a.mjs", "javascript"),
        ("a.cjs", "javascript"),
        ("a.jsx", "javascriptreact"),
        ("a.ts", "typescript"),
        ("a.mts", "typescript"),
        ("a.cts", "typescript"),
        ("a.tsx", "typescriptreact"),
    ],
)
def test_the_ending_says_the_language(write: Write, name: str, language: str) -> None:
    write({name: ""})
    assert [file.language for file in find(["."]).files] == [language]


def test_links_are_not_followed(write: Write, folder: Path, tmp_path: Path) -> None:
    write({"a/x.py": ""})
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("")
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "a" / "again.py").symlink_to("x.py")
    (folder / "out").symlink_to(outside)
    (folder / "out.py").symlink_to(outside / "secret.py")
    (folder / "out.txt").symlink_to(outside / "secret.py")

    found = find(["."])
    assert [file.path for file in found.files] == ["a/x.py"]
    assert [note.path for note in found.notes] == ["out", "out.py"]
    assert "leads out of the folder" in found.notes[0].reason


def test_a_link_that_is_named_is_reviewed(write: Write, folder: Path) -> None:
    write({"x.py": ""})
    (folder / "link.py").symlink_to("x.py")
    assert names("link.py") == ["link.py"]


def test_a_link_that_is_named_must_not_lead_out_of_the_repository(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.py").write_text("")
    (tmp_path / ".git").mkdir()
    (folder / "out.py").symlink_to(tmp_path / "secret.py")
    (folder / "out").symlink_to(tmp_path)
    found = find(["out.py", "out", "out/secret.py", str(tmp_path / "secret.py")])
    assert [file.absolute for file in found.files] == [tmp_path / "secret.py"]
    assert [(one.path, one.reason) for one in found.problems] == [
        ("out.py", f"it is a link out of {folder}, to {tmp_path}/secret.py: name that instead"),
        ("out", f"it is a link out of {folder}, to {tmp_path}: name that instead"),
        (
            "out/secret.py",
            f"it is a link out of {folder}, to {tmp_path}/secret.py: name that instead",
        ),
    ]


def test_the_way_to_a_repository_may_have_links(write: Write, folder: Path, tmp_path: Path) -> None:
    write({"x.py": ""})
    (tmp_path / "way").symlink_to(folder)
    assert names(str(tmp_path / "way" / "x.py")) == [str(tmp_path / "way" / "x.py")]


def test_folders_may_lie_deeper_in_each_other_than_calls_may(folder: Path) -> None:
    deepest = folder
    for _ in range(sys.getrecursionlimit()):
        deepest = deepest / "a"
        deepest.mkdir()
    (deepest / "x.py").write_text("")
    try:
        assert [file.absolute for file in find(["."]).files] == [deepest / "x.py"]
    finally:
        # By hand, since the usual removal of a tree is recursive.
        (deepest / "x.py").unlink()
        while deepest != folder:
            deepest.rmdir()
            deepest = deepest.parent


# --- What is wrong with a path


def test_paths_that_cannot_be_reviewed(write: Write, folder: Path) -> None:
    write({"notes.txt": "", "empty/readme.md": "", "Makefile": ""})
    os.mkfifo(folder / "pipe.py")
    (folder / "broken.py").symlink_to("nowhere.py")
    paths = ["nowhere.py", "notes.txt", "Makefile", "empty", "pipe.py", "socket.py", "broken.py"]
    paths += ["notes.txt/x.py", "a\0b.py", ""]
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket.py")
    try:
        found = find(paths)
    finally:
        server.close()
    assert not found.files
    assert [(one.path, one.reason.partition(":")[0]) for one in found.problems] == [
        ("nowhere.py", "it does not exist"),
        ("notes.txt", "it is in no language we review"),
        ("Makefile", "it is in no language we review"),
        ("empty", "the folder holds no file to review"),
        ("pipe.py", "it is neither a file nor a folder, but a pipe, socket or device"),
        ("socket.py", "it is neither a file nor a folder, but a pipe, socket or device"),
        ("broken.py", "it is a link to something that does not exist"),
        ("notes.txt/x.py", "it does not exist"),
        ("a\0b.py", "it is not a possible path"),
        ('""', "an empty path names nothing"),
    ]


def test_a_pipe_in_a_walk_is_said_and_not_waited_for(write: Write, folder: Path) -> None:
    write({"a.py": ""})
    os.mkfifo(folder / "pipe.py")
    found = find(["."])
    assert [file.path for file in found.files] == ["a.py"]
    assert [note.path for note in found.notes] == ["pipe.py"]


# --- Reading


def read_bytes(folder: Path, data: bytes, maximum: int = 100) -> Content:
    path = folder / "a.py"
    path.write_bytes(data)
    return read(SourceFile("a.py", path, "python"), maximum)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"a = 1",
        b"a\r\nb\rc\n\x0c\xe2\x80\xa8d",
        b"\xef\xbb\xbfa = 1\r\n",
        b"\xef\xbb\xbf",
        "x = '🙂e\u0301'".encode(),
    ],
)
def test_a_text_is_exact_and_goes_back_as_it_was(folder: Path, data: bytes) -> None:
    content = read_bytes(folder, data)
    assert not content.document.text.startswith("\ufeff")
    assert content.encode(content.document.text) == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a\0b", "binary, with a NUL at byte offset 1"),
        (b"abc\xff", "not UTF-8: byte 0xff on line 1, at byte offset 3"),
        (b"\xef\xbb\xbfa\xe4", "not UTF-8: byte 0xe4 on line 1, at byte offset 4"),
        (b"a\r\nb\n\xed\xa0\x80", "not UTF-8: byte 0xed on line 3, at byte offset 5"),
        ("text".encode("utf-16"), "UTF-16"),
        (b"x" * 101, "101 bytes and the limit is 100"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(folder: Path, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        read_bytes(folder, data)


def test_a_file_of_just_the_limit_is_read(folder: Path) -> None:
    assert len(read_bytes(folder, b"x" * 100).document.text) == 100


def test_a_file_that_has_gone_since_it_was_found(folder: Path) -> None:
    with pytest.raises(UnreadableError, match="does not exist"):
        read(SourceFile("a.py", folder / "a.py", "python"), 100)
