"""What is never sent: secrets in a text, and whole files."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer.engines.redact import Redactions, find_secrets
from backend_developer.sendable import NAMES_ALONE
from backend_developer.syntax import LANGUAGES, parse
from engine.made_up_secrets import FILES, made

KEY = b"a key that never leaves"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789"
# Put together here, so that no scanner takes this file for a leak.
SECRETS = {
    "AWS_ACCESS_KEY": "AKIA" + "IOSFODNN7EXAMPLE",
    "GITHUB_TOKEN": "ghp" + "_" + LETTERS[:36],
    "GITLAB_TOKEN": "glpat" + "-" + LETTERS[:20],
    "SLACK_TOKEN": "xoxb" + "-123456789012-" + LETTERS[:24],
    "STRIPE_KEY": "sk" + "_live_" + LETTERS[:24],
    "ANTHROPIC_KEY": "sk-" + "ant-api03-" + LETTERS[:40],
    "OPENAI_KEY": "sk-" + "proj-" + LETTERS[:40],
    "GOOGLE_KEY": "AI" + "za" + LETTERS[:35],
    "NPM_TOKEN": "npm" + "_" + LETTERS[:36],
    "JWT": "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0." + LETTERS[:43],
}
PRIVATE_KEY = "\n".join(
    ["-----BEGIN RSA " + "PRIVATE KEY-----", LETTERS * 1, LETTERS[::-1], "Ab=", "-----END RSA"]
)


def marks_of(redactions: Redactions) -> list[str]:
    return list(redactions.placeholders.values())


@pytest.mark.parametrize("kind", SECRETS)
def test_a_token_is_hidden_by_its_kind(kind: str) -> None:
    secret = SECRETS[kind]
    text = f'TOKEN = "{secret}"  # do not tell\n'
    hidden = find_secrets([text]).hide(text)
    assert re.fullmatch(rf'TOKEN = "__REDACTED_{kind}_[0-9a-f]{{8}}__"  # do not tell\n', hidden)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n"], ids=["lf", "crlf", "escaped"])
def test_a_private_key_is_hidden_and_keeps_its_lines(newline: str) -> None:
    text = "KEY = '''" + PRIVATE_KEY.replace("\n", newline) + "'''\nx = 1\n"
    redactions = find_secrets([text])
    hidden = redactions.hide(text)
    assert LETTERS[1:] not in hidden
    assert LETTERS[::-1][1:] not in hidden
    assert hidden.count("\n") == text.count("\n")
    assert redactions.restore(hidden) == text


# --- What is hidden, and what is not


@pytest.mark.parametrize("path", FILES)
def test_no_made_up_secret_is_left(path: str) -> None:
    text, secrets = made(FILES[path])
    redactions = find_secrets([text])
    hidden = redactions.hide(text)
    assert [secret for secret in secrets if secret in hidden] == []
    assert redactions.restore(hidden) == text
    assert hidden.count("\n") == text.count("\n")
    if language := LANGUAGES.get({"py": "python", "js": "javascript"}.get(path[-2:], "")):
        assert not parse(hidden, language).find(kind="ERROR")


def test_there_are_enough_made_up_secrets() -> None:
    assert sum(len(made(template)[1]) for template in FILES.values()) >= 80


@pytest.mark.parametrize("path", FILES)
def test_what_a_search_has_found_is_hidden_too(path: str) -> None:
    """Without its file's language, with numbers before the lines, and each line on its own."""
    text, secrets = made(FILES[path])
    for number, line in enumerate(text.splitlines(), 1):
        shown = f"{path}:{number}: {line}"
        hidden = find_secrets([shown]).hide(shown)
        assert [one for one in secrets if one in hidden and one in line] == []


REPOSITORY = Path(__file__).parents[2]
GOOD_CODE = {
    "python": sorted((REPOSITORY / "server/backend_developer/core").glob("*.py")),
    "typescript": sorted((REPOSITORY / "editors/vscode/src").glob("*.ts")),
    "json": [REPOSITORY / "editors/vscode/package-lock.json"],
    "shop": sorted((REPOSITORY / "tests/examples/shop").rglob("*.[pj][ys]")),
    "data": [REPOSITORY / "tests/engine/ordinary.txt"],
}


@pytest.mark.parametrize("kind", GOOD_CODE)
def test_ordinary_code_stays_as_it_is(kind: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in GOOD_CODE[kind]]
    lines = [line for text in texts for line in text.split("\n")]
    hidden = [line for text in texts for line in find_secrets([text]).hide(text).split("\n")]
    changed = [pair for pair in zip(lines, hidden, strict=True) if pair[0] != pair[1]]
    assert len(changed) <= len(lines) // 1000, changed


def test_a_word_is_hidden_only_where_it_is_the_password() -> None:
    text = 'password = "correcthorse"\ndef correcthorse(a_correcthorse): return "correcthorses"\n'
    redactions = find_secrets([text])
    [mark] = marks_of(redactions)
    assert redactions.hide(text) == text.replace('"correcthorse"', f'"{mark}"')


# --- Placeholders


def test_one_secret_has_one_name_in_all_texts_and_all_requests() -> None:
    first, second = SECRETS["GITHUB_TOKEN"], SECRETS["STRIPE_KEY"]
    redactions = find_secrets([f"a = '{first}'", f"b = '{second}' + '{first}'"], KEY)
    shown = redactions.hide(f"{first} {second}")
    again = find_secrets([f"c = '{second}'"], KEY).extended([f"d = '{first}'"])
    assert again.hide(f"{first} {second}") == shown
    assert find_secrets([first, second], b"another").hide(f"{first} {second}") != shown


def test_a_placeholder_is_known_by_its_end() -> None:
    text = f"TOKEN = '{SECRETS['STRIPE_KEY']}'"
    redactions = find_secrets([text], KEY)
    mark = redactions.placeholders[SECRETS["STRIPE_KEY"]]
    assert redactions.restore(f"'__REDACTED_KEY_{mark[-10:]}'") == f"'{SECRETS['STRIPE_KEY']}'"


def test_a_text_that_has_a_placeholder_already_keeps_it() -> None:
    secret = SECRETS["STRIPE_KEY"]
    [mark] = marks_of(find_secrets([secret], KEY))
    text = f"a = '{secret}'; b = '{mark}'"
    redactions = find_secrets([text], KEY)
    assert redactions.restore(redactions.hide(text)) == text


def test_a_long_file_is_searched_in_a_moment() -> None:
    """Two thousand lines took 23 ms when this was written."""
    flow = REPOSITORY / "server/backend_developer/core/flow"
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(flow.glob("*.py")))
    started = time.perf_counter()
    find_secrets([text]).hide(text)
    assert time.perf_counter() - started < 1
    started = time.perf_counter()
    for hostile in ("password ", "a", "key=", "secret_", "://", "Bearer ", "a1B2/", '"token", '):
        find_secrets([hostile * 9_000])
    assert time.perf_counter() - started < 5


PIECES = st.lists(
    st.text(max_size=12)
    | st.sampled_from(
        [*SECRETS.values(), PRIVATE_KEY, "__REDACTED_JWT_0a1b2c3d__", "__REDACTED_", "_"]
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(pieces=PIECES, separator=st.sampled_from(["", " ", "\n", '"']))
def test_hiding_can_be_undone_and_hides_everything(pieces: list[str], separator: str) -> None:
    text = separator.join(pieces)
    redactions = find_secrets([text])
    hidden = redactions.hide(text)
    assert redactions.restore(hidden) == text
    assert not any(secret in hidden for secret in redactions.placeholders)
    assert hidden.count("\n") == text.count("\n")
    assert redactions.hide(hidden) == hidden
    if separator == " ":
        assert not any(secret in hidden for secret in SECRETS.values())


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "/srv/app/.env.production",
        "C:\\app\\.ENV",
        "file:///srv/app/.env",
        "untitled:.env",
        "config/prod.env",
        "/home/a/.ssh/config",
        "/home/a/.aws/anything.txt",
        "id_rsa",
        "id_ed25519.pub",
        "tls/server.pem",
        "tls/server.KEY",
        "cert.p12",
        "cert.pfx",
        ".npmrc",
        ".pypirc",
        ".netrc",
        "credentials",
        "google-credentials.json",
        "infra/terraform.tfstate.backup",
        "config/secrets.yml",
    ],
)
def test_a_file_that_holds_secrets_is_denied(path: str) -> None:
    assert NAMES_ALONE.why(path)


@pytest.mark.parametrize(
    "path",
    ["app.py", "environment.py", "credentials.py", "src/keys/rotate.ts", "monkey.js", "secrets.py"],
)
def test_code_that_handles_secrets_is_not(path: str) -> None:
    assert not NAMES_ALONE.why(path)


def test_a_link_to_a_file_that_holds_secrets_is_denied(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    (tmp_path / "settings.py").symlink_to(".env")
    assert NAMES_ALONE.why(str(tmp_path / "settings.py"))
