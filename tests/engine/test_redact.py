"""What is never sent: secrets in a text, and whole files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend_developer.engines.redact import find_secrets
from backend_developer.sendable import NAMES_ALONE

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


@pytest.mark.parametrize("kind", SECRETS)
def test_a_token_is_hidden_by_its_kind(kind: str) -> None:
    secret = SECRETS[kind]
    text = f'TOKEN = "{secret}"  # do not tell\n'
    hidden = find_secrets([text]).hide(text)
    assert hidden == f'TOKEN = "__REDACTED_{kind}_1__"  # do not tell\n'


@pytest.mark.parametrize(
    "line",
    ['aws_secret_access_key = "{}"', "AWS_SECRET_KEY: {}", "const awsSecretKey = '{}'"],
)
def test_an_aws_secret_is_known_by_its_name(line: str) -> None:
    secret = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
    text = line.format(secret)
    assert find_secrets([text]).hide(text) == line.format("__REDACTED_AWS_SECRET_KEY_1__")


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n"], ids=["lf", "crlf", "escaped"])
def test_a_private_key_is_hidden_and_keeps_its_lines(newline: str) -> None:
    text = "KEY = '''" + PRIVATE_KEY.replace("\n", newline) + "'''\nx = 1\n"
    redactions = find_secrets([text])
    hidden = redactions.hide(text)
    assert LETTERS[1:] not in hidden
    assert LETTERS[::-1][1:] not in hidden
    assert hidden.count("\n") == text.count("\n")
    assert redactions.restore(hidden) == text


def test_ordinary_code_stays_as_it_is() -> None:
    text = (
        'sk_live = "pk"; risk_tests = 3; task-sk-1 = "AKIA"; digest = "'
        + "0123456789abcdef" * 4
        + '"\naws_region = "eu-west-1"\n'
    )
    assert find_secrets([text]).hide(text) == text


def test_one_secret_has_one_name_in_all_texts() -> None:
    first, second = SECRETS["GITHUB_TOKEN"], SECRETS["STRIPE_KEY"]
    redactions = find_secrets([f"a = '{first}'", f"b = '{second}' + '{first}'"])
    assert redactions.hide(f"{first} {second}") == (
        "__REDACTED_GITHUB_TOKEN_1__ __REDACTED_STRIPE_KEY_2__"
    )


PIECES = st.lists(
    st.text(max_size=12)
    | st.sampled_from([*SECRETS.values(), PRIVATE_KEY, "__REDACTED_JWT_1__", "__REDACTEDX_", "_"]),
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
