"""What a fault came to, and the table of many."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["right", "WRONG", "not tried"]


@dataclass(frozen=True, slots=True)
class Row:
    fault: str
    happened: str
    verdict: Verdict


def seen(fault: str, work: Callable[..., str], *arguments: object) -> Row:
    """Puts the program to a fault; `work` says what happened, and asserts that it was right."""
    try:
        return Row(fault, work(*arguments), "right")
    except NotTriedError as error:
        return Row(fault, str(error), "not tried")
    except Exception as error:
        said = str(error).strip().split("\n")[0] or "no reason"
        return Row(fault, f"{type(error).__name__}: {said}", "WRONG")


class NotTriedError(Exception):
    """This machine cannot bring the fault about; `str()` says why."""


def wrong(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.verdict == "WRONG"]


def main(
    rows: Callable[[argparse.Namespace], Iterable[Row]], parser: argparse.ArgumentParser
) -> int:
    """Prints each row as it comes; returns the exit code, 1 when one is wrong."""
    count = failed = 0
    print(f"{'fault':<58} {'verdict':<9} what happened")
    for row in rows(parser.parse_args()):
        count, failed = count + 1, failed + (row.verdict == "WRONG")
        print(
            f"{row.fault[:58]:<58} {row.verdict:<9} {' '.join(row.happened.split())[:160]}",
            flush=True,
        )
    print(f"{count} faults, {failed} wrong")
    return min(failed, 1)
