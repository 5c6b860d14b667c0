from __future__ import annotations

from advanced_workflow.workflows.definition.model.roots import roots_at


def test_the_names_follow_from_the_place_of_a_step() -> None:
    ordinary = {"input", "workflow", "steps", "run", "step"}

    assert roots_at() == ordinary
    assert roots_at(in_for_each=True) == ordinary | {"item", "index"}
    assert roots_at(in_loop=True) == ordinary | {"iteration"}
    assert roots_at(in_for_each=True, in_loop=True) == ordinary | {"item", "index", "iteration"}
