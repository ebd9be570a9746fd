"""Needs as a graph: selection, drawing, and what lies between two resources. The only importer of networkx.

networkx costs 140 to 200 ms of start-up, so nothing on the way of a plain `up` comes here: deciding and lowering order
their steps with the standard library's sorter. It earns its place where a question is about the graph as such.
"""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx

from stackup.reconcile.resource import Desired
from stackup.values import Address


def needs_graph(desired: Iterable[Desired]) -> nx.DiGraph[Address]:
    """An arrow from each resource to what it needs; the edge carries `until`."""
    graph: nx.DiGraph[Address] = nx.DiGraph()
    for item in desired:
        graph.add_node(item.address)
        for need in item.needs:
            graph.add_edge(item.address, need.on, until=need.until.value)
    return graph


def selection(desired: Iterable[Desired], roots: Iterable[Address]) -> frozenset[Address]:
    """The roots and everything that they need, directly or not."""
    graph = needs_graph(desired)
    chosen = [root for root in roots if root in graph]
    return frozenset(chosen).union(*(nx.descendants(graph, root) for root in chosen))


def dependants(desired: Iterable[Desired], roots: Iterable[Address]) -> frozenset[Address]:
    """Everything that needs one of the roots, directly or not; the roots themselves not."""
    graph = needs_graph(desired)
    chosen = [root for root in roots if root in graph]
    return frozenset().union(*(nx.ancestors(graph, root) for root in chosen)) - frozenset(chosen)


def dot(desired: Iterable[Desired]) -> str:
    """The graph for Graphviz, without the edges that others imply."""
    graph = needs_graph(desired)
    edges = sorted(nx.transitive_reduction(graph).edges)
    lines = [
        f'  "{source}" -> "{target}" [label="{graph.edges[source, target]["until"]}"];' for source, target in edges
    ]
    nodes = [f'  "{node}";' for node in sorted(graph.nodes)]
    return "\n".join(("digraph stack {", "  rankdir=LR;", *nodes, *lines, "}", ""))
