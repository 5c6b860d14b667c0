"""`check`: every problem of a definition at once, in the order of the document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from advanced_workflow.workflows.definition.check.absent import absence_problems
from advanced_workflow.workflows.definition.check.arithmetic import constant_arithmetic, text_fix
from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.constants import (
    constant_problems,
    constants_of,
    early_read_problems,
)
from advanced_workflow.workflows.definition.check.references import Names, reference_problems
from advanced_workflow.workflows.definition.check.rules.every import rule_problems
from advanced_workflow.workflows.definition.check.rules.graphs import unknown_graphs
from advanced_workflow.workflows.definition.check.rules.servers import unknown_servers
from advanced_workflow.workflows.definition.check.sites import Site, sites
from advanced_workflow.workflows.definition.check.support import unsupported
from advanced_workflow.workflows.definition.check.unknown_results import unknown_result_problems
from advanced_workflow.workflows.definition.graph.layout import Layout, lay_out
from advanced_workflow.workflows.definition.model.markers import TEXT, Expr
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed, nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.load import read_tree
from advanced_workflow.workflows.definition.text.order_of_fields import document_order
from advanced_workflow.workflows.definition.text.source_tree import SourceInvalid
from advanced_workflow.workflows.definition.text.validation import validate
from advanced_workflow.workflows.definition.versions import Definitions, Known
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions import Expression, Reference, explained, parse_target
from advanced_workflow.workflows.expressions.mistakes.mistake import written
from advanced_workflow.workflows.expressions.mistakes.names import hyphen_reason, hyphenated_step, unknown_with_hyphen

__all__ = ["check", "check_text", "unsupported"]

_NO_FIX = Expr().fix
MAX_LISTED = 100
"""How many problems of one code a check lists."""


def check(
    workflow: AdvancedWorkflow,
    actions: ActionCatalog | None = None,
    definitions: Known | None = None,
    *,
    graphs: Collection[str] | None = None,
    servers: Collection[str] | None = None,
    also_known: frozenset[str] = frozenset(),
) -> list[Problem]:
    """List all problems of a definition, in the order of the document; warnings do not make it invalid.

    Of each code at most 100 are listed. Without `actions` nothing is said about actions, and without `definitions` (several
    versions of each; the definition itself is always one of them) nothing about what `sub_workflow` steps run; without `graphs`
    (their names) nothing about the users' graphs, without `servers` nothing about MCP servers. `also_known` are step ids that may be named although the definition holds no such step (`check_text` gives those of steps that
    could not be read).
    """
    layout = lay_out(workflow)
    others = None if definitions is None else Definitions.of(definitions).joined(workflow)
    names = Names(
        layout, actions or {}, others or Definitions(), also_known, _variables(workflow, layout), constants_of(layout)
    )
    found = list(sites(layout))
    in_sites = chain.from_iterable(_site_problems(site, names) for site in found)
    rules = rule_problems(layout, actions, others, also_known)
    missing = unknown_graphs(workflow, graphs) if graphs is not None else ()
    foreign = unknown_servers(workflow, servers) if servers is not None else ()
    return _in_order(_bounded(chain(rules, missing, foreign, in_sites, absence_problems(layout, found))))


def check_text(
    text: str,
    source: str = "<text>",
    actions: ActionCatalog | None = None,
    definitions: Known | None = None,
    *,
    graphs: Collection[str] | None = None,
    servers: Collection[str] | None = None,
) -> list[Problem]:
    """List all problems of a definition's text with their lines; never raises.

    Fields that do not fit are reported and left out, and the cross-step rules look at the rest.
    """
    try:
        tree = read_tree(text, source=source)
    except SourceInvalid as error:
        return [error.problem]
    validated = validate(tree.data)
    found = [*_bounded(validated.problems), *_bounded(tree.doubts)]
    if validated.workflow is not None:
        known = {"graphs": graphs, "servers": servers}
        for one in check(validated.workflow, actions, definitions, **known, also_known=validated.raw_ids):
            moved = one.at_path(validated.source_path(one.path))
            if not validated.is_known_consequence(moved.path, moved.code):
                found.append(moved)
    return [tree.located(one) for one in _in_order(found)]


def _bounded(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Leave out what comes too often; each code on its own, so that none hides another."""
    seen: Counter[str] = Counter()
    for one in problems:
        seen[one.code] += 1
        if seen[one.code] <= MAX_LISTED:
            yield one


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda one: document_order(one.path))


def _variables(workflow: AdvancedWorkflow, layout: Layout) -> frozenset[str]:
    """First names below `workflow` that something gives a value."""
    return frozenset((*workflow.global_variables, *layout.writers))


def _site_problems(site: Site, names: Names) -> Iterator[Problem]:
    if site.target is not None:
        try:
            parse_target(site.target)
        except ExpressionInvalid as error:
            yield problem(
                Code.INVALID_TARGET, site.loc, f"{error.reason}.", "Write a target such as 'workflow.order.id'."
            )
    try:
        references = _references(site)
    except ExpressionInvalid as error:
        yield _bad(site, error, names)
        return
    yield from constant_arithmetic(site)
    hyphen = _hyphenated(site, references, names)
    if hyphen is not None:
        yield hyphen
        return
    yield from constant_problems(site, references, names.constants)
    yield from early_read_problems(site, references, names.layout, names.constants)
    yield from unknown_result_problems(site, references)
    # A set has no order that is the same in every process; and a name used twice is one problem.
    seen: set[tuple[str, ...]] = set()
    for reference in sorted(references, key=lambda one: (one.column, one.root, one.path)):
        if (reference.root, *reference.path) not in seen:
            seen.add((reference.root, *reference.path))
            for one in reference_problems(reference, site, names):
                yield one.of_expression(site.text, reference.column)


def _hyphenated(site: Site, references: Iterable[Reference], names: Names) -> Problem | None:
    """`steps.my-step.output`, which CEL reads as a difference."""
    for reference in references:
        one = _hyphenated_at(site, reference, names) if reference.root == "steps" and reference.path else None
        if one is not None:
            return one.of_expression(site.text, reference.column)
    return None


def _hyphenated_at(site: Site, reference: Reference, names: Names) -> Problem | None:
    column, known = reference.column, names.known.steps
    found = hyphenated_step(site.text, column, known)
    if found is not None:
        name, form = found
        message = f"{hyphen_reason(name)} (column {column})."
        return problem(Code.BAD_EXPRESSION, site.loc, message, f"Write {written(form)}.")
    meant = unknown_with_hyphen(site.text, column) if reference.path[0] not in known else None
    if meant is None or reference.path[0] in names.also_known:
        return None
    message = f"there is no step {reference.path[0]!r}, and none {meant!r} (column {column})."
    fix = nearest(meant, sorted(known)) or f"The steps are: {listed(sorted(known))}."
    return problem(
        Code.UNKNOWN_STEP, site.loc, message, f"{fix} A name with a hyphen stands in brackets: steps['my-step']."
    )


def _bad(site: Site, error: ExpressionInvalid, names: Names) -> Problem:
    if error.source and next(names.refused) < MAX_LISTED:
        own = "" if site.fix == _NO_FIX else site.fix
        may_be_text = isinstance(site.source, str) and (not site.gives or bool(site.gives & TEXT))
        error = explained(error, site.roots, names.known, may_be_text=may_be_text, fix=own)
    at = f" (column {error.column})" if error.column else ""
    found = problem(Code.BAD_EXPRESSION, site.loc, f"{error.reason}{at}.", error.fix or site.fix)
    return found.of_expression(error.source, error.column) if error.source else found


def _references(site: Site) -> frozenset[Reference]:
    expression = site.compile()
    if not isinstance(expression, Expression):
        return expression.references
    known = expression.result_type.partition("<")[0]
    if site.gives and known not in (*site.gives, "dyn"):
        needed = " or ".join(sorted(site.gives))
        raise ExpressionInvalid(f"it gives {known}, but {needed} is needed here", fix=text_fix(site, expression))
    return expression.references
