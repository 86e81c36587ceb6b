"""Work in a thread that nobody waits for any more: nothing can end a thread, so it asks.

unless_given_up(given_up, work)     the work, to be called in a thread
go_on()                             asks, between its pieces: raises GivenUp once that is set
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from threading import Event
from typing import TypeVar

T = TypeVar("T")

_events: ContextVar[tuple[Event, ...]] = ContextVar("given_up", default=())


class GivenUp(BaseException):
    """Nobody wants the answer any more that is being worked at.

    No Exception, of which a reader of files makes an empty answer.
    """


def unless_given_up(given_up: Event, work: Callable[[], T]) -> Callable[[], T]:
    """The work, which is given up when the event is set, or the work that this is a part of is."""
    context = copy_context()
    context.run(_events.set, (*_events.get(), given_up))
    return partial(context.run, work)


def go_on() -> None:
    """To be called between the pieces of long work. Raises GivenUp when nobody waits for what this
    thread is at."""
    if any(event.is_set() for event in _events.get()):
        raise GivenUp
