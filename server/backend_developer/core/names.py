"""How names are spelled: their words, their case, and whether they are plural or an action."""

from __future__ import annotations

import re

KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SNAKE = re.compile(r"[a-z_$][a-z0-9]*(?:_[a-z0-9]+)*_?")
CAMEL = re.compile(r"[a-z_$][a-z0-9]*(?:[A-Z0-9][a-z0-9]*)*")
PASCAL = re.compile(r"(?:[A-Z][a-z0-9]*)+")
UPPER_SNAKE = re.compile(r"[A-Z0-9]+(?:_[A-Z0-9]+)*")
HYPHENATED_PASCAL = re.compile(r"[A-Z][a-z0-9]*(?:-(?:[A-Z][a-z0-9]*|[A-Z]+|[0-9]+))*")


def words(name: str) -> list[str]:
    """The words of a name in any spelling, in lower case: `userHTTPId` -> user, http, id."""
    return [word.lower() for word in _WORD.findall(name)]


def is_plural(word: str) -> bool:
    """Whether an English noun, in lower case, is plural or has no singular of its own."""
    if word in _UNCOUNTABLE or word in _IRREGULAR_PLURALS:
        return True
    return (
        word.endswith("s") and not word.endswith(_SINGULAR_ENDINGS) and word not in _SINGULAR_IN_S
    )


def is_verb(word: str) -> bool:
    """Whether a word, in lower case, is an action, and rarely anything else in an API."""
    return word in _VERBS


def word_set(text: str) -> frozenset[str]:
    """The words of a text, for tables of them."""
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_SINGULAR_ENDINGS = ("ss", "us", "sis", "xis")
_SINGULAR_IN_S = word_set(
    """
    address access process progress business class gas bus lens atlas canvas alias bias cors
    dns https sms gps aws os js css tls kubernetes jenkins redis always this has was does
    """
)
_UNCOUNTABLE = word_set(
    """
    data metadata media news information feedback content equipment inventory staff history
    health status info search traffic weather money stock software hardware support series
    species sheep fish audio video music evidence knowledge advice research auth oauth oauth2
    billing shipping pricing config configuration graphql me self current latest
    """
)
_IRREGULAR_PLURALS = word_set(
    """
    menus people children men women feet teeth mice geese criteria phenomena indices vertices
    matrices appendices schemata axes alumni cacti fungi nuclei radii stimuli syllabi analyses
    bases crises diagnoses hypotheses oases theses
    """
)
_VERBS = word_set(
    """
    get fetch retrieve read list find search query lookup load show view display browse create
    add insert make build generate register post put save store write submit update modify
    edit change set patch replace rename move copy clone merge sync synchronize delete remove
    destroy drop clear purge erase cancel abort revoke activate deactivate enable disable
    start stop restart pause resume run execute exec launch trigger invoke call send resend
    push pull publish unpublish subscribe unsubscribe notify approve reject accept decline
    confirm verify validate check calculate compute convert process handle perform do apply
    assign unassign attach detach link unlink bind unbind grant upload download import export
    archive unarchive restore backup lock unlock block unblock ban unban login logout signin
    signout signup follow unfollow like unlike share buy sell pay refund ship transfer
    withdraw deposit reset refresh renew extend close open reopen complete finish begin end
    print scan upsert
    """
)
