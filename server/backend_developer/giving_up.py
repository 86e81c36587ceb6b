"""Work in a thread that nobody waits for any more: nothing can end a thread, so it asks.

given_up = Event()
in a thread: unless_given_up(given_up, work)()  ── go_on() ──► raises GivenUp once it is set
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from threading import Event
from typing import TypeVar

T = TypeVar("T")

_events: ContextVar[tuple[Event, ...]] = ContextVar("given_up", default=())


class GivenUp(BaseException):  # It is no error.
    """Nobody wants the answer any more that is being worked at.

    No Exception, of which a reader of files makes an empty answer.
    """


def unless_given_up(given_up: Event, work: Callable[[], T]) -> Callable[[], T]:
    """The work, which is given up when the event is set, or the work that this is a part of is."""
    context = copy_context()
    context.run(_events.set, (*_events.get(), given_up))
    return partial(context.run, work)


def is_given_up() -> bool:
    """Whether nobody waits any more for what this thread is at."""
    return any(event.is_set() for event in _events.get())


def go_on() -> None:
    """To be called between the pieces of long work. Raises GivenUp."""
    if is_given_up():
        raise GivenUp
