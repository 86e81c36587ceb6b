"""Groups of nodes that lead to each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_developer.core.graphs import components


@pytest.mark.parametrize(
    ("edges", "groups"),
    [
        ("", []),
        ("a:", ["a"]),
        ("a:a", ["a"]),
        ("a:b b:c c:", ["c", "b", "a"]),
        ("a:b b:a", ["ab"]),
        ("a:bc b:d c:d d:", ["d", "b", "c", "a"]),
        ("a:b b:c c:ad d:e e:d", ["de", "abc"]),
        ("a:bz b:", ["b", "a"]),  # z is no node
    ],
)
def test_groups_come_after_what_they_lead_to(edges: str, groups: list[str]) -> None:
    successors = {one[0]: one[2:] for one in edges.split()}
    assert ["".join(sorted(group)) for group in components(successors)] == groups


def test_a_long_chain_needs_no_deep_stack() -> None:
    successors = {str(number): [str(number + 1)] for number in range(100_000)}
    assert sum(1 for _ in components(successors)) == 100_000


NODES = st.sampled_from("abcdefgh")


@given(st.dictionaries(NODES, st.sets(NODES)))
def test_a_group_is_what_leads_there_and_back(successors: dict[str, set[str]]) -> None:
    def reached(start: str) -> set[str]:
        found = {start}
        waiting = [start]
        while waiting:
            new = (successors[waiting.pop()] & successors.keys()) - found
            found |= new
            waiting += new
        return found

    group_of = {
        node: number for number, group in enumerate(components(successors)) for node in group
    }
    assert group_of.keys() == successors.keys()
    for one in successors:
        for other in reached(one):
            assert group_of[other] <= group_of[one]
            assert (group_of[other] == group_of[one]) == (one in reached(other))
