"""Dockerfiles and workflows: what our own rules find in them, and what they leave alone."""

from __future__ import annotations

import pytest

from backend_developer.core.model import Document, Span
from backend_developer.delivery import (
    CERTIFICATE,
    CHECKOUT,
    COMMAND,
    PRINTED,
    ROOT,
    SCRIPT,
    UNLOCKED,
    WRITABLE,
    DeliveryDetector,
)
from backend_developer.detector import Source

DETECTOR = DeliveryDetector()


def check(language: str, code: str, *expected: tuple[str, str]) -> None:
    """`expected` are (rule, what is marked)."""
    [found] = DETECTOR.find([Source(Document("", "", language, code))], DETECTOR.rules)
    places = [(one.rule, one.where) for one in found]
    marked = [
        (rule, code[where.start : where.end]) for rule, where in places if isinstance(where, Span)
    ]
    assert marked == list(expected)


@pytest.mark.parametrize(
    ("code", "marked"),
    [
        pytest.param('FROM a\nCMD ["x"]\n', 'CMD ["x"]', id="no user"),
        pytest.param("FROM a\nCMD x\nENTRYPOINT y\\\n z\n", "ENTRYPOINT y\\", id="the last one"),
        pytest.param("FROM a AS b\nUSER 1\nFROM c\nCMD x\n", "CMD x", id="of another stage"),
    ],
)
def test_an_image_that_runs_as_root(code: str, marked: str) -> None:
    check("dockerfile", code, (ROOT, marked))


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("FROM a\nUSER 10001\nCMD x\n", id="a user"),
        pytest.param("FROM a\nCMD x\nUSER 10001\n", id="a user after the command"),
        pytest.param("FROM a AS Base\nUSER 1\nFROM base\nCMD x\n", id="a stage with a user"),
        pytest.param("FROM gcr.io/distroless/static:nonroot\nCMD x\n", id="an image that says so"),
        pytest.param("FROM a\nRUN make\n", id="an image to build on"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_image_that_does_not(code: str) -> None:
    check("dockerfile", code)


@pytest.mark.parametrize(
    "command",
    [
        "curl -sSL https://a.example/install.sh | bash",
        "wget -qO- https://a.example/install | sudo -E sh",
        "bash <(curl -s https://a.example/install.sh)",
        'sh -c "$(curl -fsSL https://a.example/install.sh)"',
    ],
)
def test_a_script_that_is_run_as_it_comes(command: str) -> None:
    check("dockerfile", f"FROM a\nUSER 1\nRUN {command}\n", (SCRIPT, command))
    check("yaml", f"jobs:\n  a:\n    steps:\n      - run: {command}\n", (SCRIPT, command))


@pytest.mark.parametrize(
    "command",
    [
        "curl -sSL https://a.example/a.tar.gz | tar xz",
        "curl -o a.sh https://a.example/a.sh && sha256sum -c a.sum && sh a.sh",
        "curl https://a.example/status | grep ok; sh run.sh",
        "curl http://localhost/health || exit 1",
    ],
)
def test_a_download_that_is_no_script(command: str) -> None:
    check("dockerfile", f"FROM a\nUSER 1\n# curl https://a.example/a | sh\nRUN {command}\n")


WORKFLOW = """\
on: {on}
jobs:
  test:
    steps:
      - uses: actions/checkout@v5
        with:
          ref: {ref}
"""
HEAD = "${{ github.event.pull_request.head.sha }}"


@pytest.mark.parametrize(
    ("on", "ref"),
    [
        ("pull_request_target", HEAD),
        ("[push, pull_request_target]", "${{ github.head_ref }}"),
        ("\n  workflow_run:\n    workflows: [a]", "${{ github.event.workflow_run.head_branch }}"),
        ("\n  issue_comment:", "refs/pull/${{ github.event.issue.number }}/merge"),
    ],
)
def test_a_pull_requests_code_in_a_run_with_secrets(on: str, ref: str) -> None:
    code = WORKFLOW.format(on=on, ref=ref)
    check("yaml", code, (CHECKOUT, "actions/checkout@v5"))


@pytest.mark.parametrize(
    ("on", "ref"),
    [
        ("pull_request", HEAD),
        ("pull_request_target", "main"),
        ("push  # not pull_request_target", HEAD),
    ],
)
def test_a_checkout_of_trusted_code_or_without_secrets(on: str, ref: str) -> None:
    check("yaml", WORKFLOW.format(on=on, ref=ref))


@pytest.mark.parametrize(
    "code",
    [
        "on: [pull_request_target\njobs: actions/checkout",
        "pull_request_target actions/checkout\njobs:",
    ],
)
def test_yaml_that_is_broken_or_of_another_shape_is_left_alone(code: str) -> None:
    check("yaml", code)


@pytest.mark.parametrize(
    ("rule", "command"),
    [
        (CERTIFICATE, "curl -fsSLk"),
        (CERTIFICATE, "curl -o a.tgz --insecure"),
        (CERTIFICATE, "wget -q --no-check-certificate"),
        (CERTIFICATE, "http.sslVerify false"),
        (CERTIFICATE, "StrictHostKeyChecking=no"),
        (CERTIFICATE, "GIT_SSL_NO_VERIFY=true"),
        (WRITABLE, "chmod -R 777 /data"),
        (WRITABLE, "chmod a+rwx out"),
    ],
)
def test_a_command_that_lets_others_in(rule: str, command: str) -> None:
    for language, before in (
        ("dockerfile", "FROM a\nUSER 1\nRUN "),
        ("yaml", "jobs:\n  a:\n    steps:\n      - run: "),
        ("yaml", "stages: [a]\na:\n  script:\n    - "),
    ):
        check(language, f"{before}{command}\n", (rule, command))


@pytest.mark.parametrize(
    "command",
    [
        "curl -fsSL -H Accept:text/plain https://a.example/a.tgz",
        "curl -k https://localhost:8443/health",
        "curl -K options https://a.example",
        "chmod 755 run.sh && chmod +x a && chmod u+rwx b",
        "git config http.sslVerify true",
    ],
)
def test_a_command_that_does_not(command: str) -> None:
    check("dockerfile", f"FROM a\nUSER 1\nRUN {command}\n")
    check(
        "yaml",
        f"jobs:\n  a:\n    steps:\n      # curl -k https://a.example\n      - run: {command}\n",
    )
    check("yaml", f"script:\n  - {command}\n")


STEP = """\
on: push
jobs:
  a:
    env: {{TOKEN: "${{{{ secrets.TOKEN }}}}"}}
    steps:
      - env: {{TITLE: "${{{{ github.event.issue.title }}}}", BRANCH: main}}
        run: |
          {command}
          make
"""


@pytest.mark.parametrize(
    ("rule", "command", "marked"),
    [
        (PRINTED, 'echo "the token is $TOKEN"', 'echo "the token is $TOKEN"'),
        (PRINTED, "echo ${{ secrets.OTHER }}", "echo ${{ secrets.OTHER }}"),
        (PRINTED, "set -ex", "set -ex"),
        (PRINTED, "set -o xtrace", "set -o xtrace"),
        (PRINTED, 'docker login -u a -p "$TOKEN" a.example', 'docker login -u a -p "$TOKEN'),
        (COMMAND, 'eval "echo $TITLE"', 'eval "echo $TITLE"'),
        (COMMAND, 'bash -c "greet ${TITLE}"', 'bash -c "greet ${TITLE}"'),
        (UNLOCKED, "npm install --no-audit && npm test", "npm install --no-audit"),
        (UNLOCKED, "yarn install", "yarn install"),
    ],
)
def test_a_step_that_gives_away_or_runs_what_it_is_given(
    rule: str, command: str, marked: str
) -> None:
    check("yaml", STEP.format(command=command), (rule, marked))


@pytest.mark.parametrize(
    "command",
    [
        'echo "$TOKEN" | docker login -u a --password-stdin a.example',
        'echo "$TOKEN" > token.txt',
        'echo "::add-mask::$TOKEN"',
        'echo "has a token: ${TOKEN:+yes}"',
        "set -euo pipefail",
        'eval "$(ssh-agent -s)" && eval "git checkout $BRANCH"',
        'bash -c \'echo "$1"\' _ "$TITLE"',
        "npm ci && npm install -g pnpm && npm install --global yarn && npm i left-pad",
        "yarn install --immutable",
    ],
)
def test_a_step_that_does_not(command: str) -> None:
    check("yaml", STEP.format(command=command))
