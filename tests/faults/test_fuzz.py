"""Inputs on which a fuzz target once failed, and some thousand random ones of the same kind."""

from __future__ import annotations

import random

import pytest

from faults.fuzz import TARGETS

CRASHES = [
    # A line separator counted as a line, so that a problem stood behind the end of its file.
    ("frontmatter", b"?\x00\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xb2\xa0\xb2\xa0\xa0\xb2*\xa0?\xa1*"),
]


@pytest.mark.parametrize(("target", "data"), CRASHES)
def test_what_once_failed(target: str, data: bytes) -> None:
    TARGETS[target](data)


@pytest.mark.parametrize("target", TARGETS)
def test_random_inputs(target: str) -> None:
    chance = random.Random(target)
    for _ in range(300):
        TARGETS[target](chance.randbytes(chance.randrange(1, 600)))
