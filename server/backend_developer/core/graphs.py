"""Directed graphs of names, such as files that import each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping


def components(successors: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """The groups of nodes that lead to each other, each after all that it leads to.

    Every node is in one group. Successors that are no nodes themselves are passed over. In time
    that grows with nodes and edges (Tarjan, "Depth-First Search and Linear Graph Algorithms").
    """
    numbers: dict[str, int] = {}
    """In the order in which the nodes were come by."""
    lowest: dict[str, int] = {}
    """The lowest number of a node of no group yet that one leads to."""
    ungrouped: dict[str, None] = {}
    for root in successors:
        if root in numbers:
            continue
        numbers[root] = lowest[root] = len(numbers)
        ungrouped[root] = None
        way = [(root, iter(successors[root]))]
        while way:
            node, left = way[-1]
            for other in left:
                if other not in successors:
                    continue
                if other not in numbers:
                    numbers[other] = lowest[other] = len(numbers)
                    ungrouped[other] = None
                    way.append((other, iter(successors[other])))
                    break
                if other in ungrouped:
                    lowest[node] = min(lowest[node], numbers[other])
            else:
                way.pop()
                if way:
                    before, _ = way[-1]
                    lowest[before] = min(lowest[before], lowest[node])
                if lowest[node] == numbers[node]:
                    group = [node]
                    while (last := ungrouped.popitem()[0]) != node:
                        group.append(last)
                    yield group
