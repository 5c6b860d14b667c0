"""The users' graphs of one process, by name; a worker and a replayer fill it before they run anything."""

from __future__ import annotations

import hashlib
import inspect
import io
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from advanced_workflow.workflows.engine.graphs.library import langgraph
from advanced_workflow.workflows.engine.graphs.refusals import function_of, refusals
from advanced_workflow.workflows.engine.graphs.restrictions import Restricted
from advanced_workflow.workflows.errors import GraphRefused

_SILENT = (tokenize.COMMENT, tokenize.NL, tokenize.ENCODING)
"""Of a source: what changes nothing."""


class GraphChanged(Exception):
    """The graph of a live run is not the one that the run began with.

    It fails the workflow task, not the run: a worker that has the right one continues it.
    """


@dataclass(frozen=True, slots=True)
class Loaded:
    """A graph for one step."""

    builder: Any
    """LangGraph's `StateGraph`."""
    restricted: Restricted


@dataclass(frozen=True, slots=True)
class RegisteredGraph:
    """Where a graph is, and the digest of what it is."""

    name: str
    module: str
    attribute: str
    digest: str

    def load(self) -> Loaded:
        """Load it for one step: nothing that another step left in its modules is there."""
        return _load(self.module, self.attribute)


GRAPHS: dict[str, RegisteredGraph] = {}
"""Of this process."""


def register(name: str, reference: str) -> RegisteredGraph:
    """Register the graph at `MODULE:ATTRIBUTE`: a `StateGraph`, compiled or not, or a function without parameters that gives one.

    Raises `GraphRefused` where it cannot be loaded, or cannot be right in a workflow; the sentence gives every reason.
    """
    module, _, attribute = reference.partition(":")
    try:
        loaded = _load(module, attribute)
    except Exception as error:
        message = f"graph {name!r}: {reference!r} cannot be loaded ({type(error).__name__}: {error}); name it as MODULE:ATTRIBUTE."
        raise GraphRefused(message) from error
    found = list(refusals(loaded.builder))
    if found:
        raise GraphRefused(f"graph {name!r} ({reference}): {'; '.join(found)}.")
    GRAPHS[name] = registered = RegisteredGraph(name, module, attribute, digest_of(loaded.builder))
    return registered


def require_graphs(pinned: Mapping[str, str] | None) -> None:
    """Raise `GraphChanged` unless this worker has the graphs that a run began with."""
    for name, digest in (pinned or {}).items():
        known = GRAPHS.get(name)
        if known is None or known.digest != digest:
            what = "has another one" if known is not None else "has none"
            raise GraphChanged(
                f"GraphChanged: the run began with graph {name!r} of digest {digest[:12]}, and this worker {what}"
                f"{f' ({known.digest[:12]})' if known is not None else ''}; a worker with the right one continues it: deploy that again "
                "beside this one, or give a changed graph another name."
            )


def _load(module: str, attribute: str) -> Loaded:
    langgraph("langgraph.graph")
    restricted = Restricted()
    found: Any = restricted.load(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    if inspect.isfunction(found):
        with restricted.applied():
            found = found()
    return Loaded(found, restricted)


def digest_of(graph: Any) -> str:  # noqa: ANN401 - LangGraph's
    """Over its nodes, its edges, and the code of the modules that its functions are in; comments do not count."""
    text = "\n".join(_described(graph, set()))
    return hashlib.sha256(text.encode()).hexdigest()


def _described(graph: Any, modules: set[str]) -> Iterator[str]:  # noqa: ANN401 - LangGraph's
    builder = getattr(graph, "builder", graph)
    yield f"fields {sorted(builder.channels)}"
    yield f"edges {sorted(builder.edges)} {sorted(map(str, builder.waiting_edges))}"
    for name, spec in sorted(builder.nodes.items()):
        yield f"node {name} {spec.defer} {sorted(spec.ends or ())}"
        if hasattr(spec.runnable, "builder"):
            yield from _described(spec.runnable, modules)
        else:
            yield from _code(function_of(spec.runnable), modules)
    for source, branches in sorted(builder.branches.items()):
        for name, branch in sorted(branches.items()):
            yield f"routes {source} {name} {sorted(map(str, cast('dict[Any, Any]', branch.ends or {}).items()))}"
            yield from _code(function_of(branch.path), modules)


def _code(function: Any, modules: set[str]) -> Iterator[str]:  # noqa: ANN401 - a function, or an object that is called
    holder = cast("Any", function if hasattr(function, "__code__") else type(function))
    yield f"function {holder.__qualname__}"
    module = inspect.getmodule(holder)
    name = module.__name__ if module is not None else ""
    if name not in modules:
        modules.add(name)
        yield from _tokens(holder)


def _tokens(holder: Any) -> Iterator[str]:  # noqa: ANN401 - a function or a class
    file = inspect.getsourcefile(holder)
    with tokenize.open(file or "") as source:  # As Python itself reads it, whatever its encoding.
        text = source.read()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _SILENT:
            yield f"{token.type} {token.string}"
