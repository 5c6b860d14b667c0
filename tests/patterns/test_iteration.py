from __future__ import annotations

from tests.harness import Harness, definition
from tests.patterns.journal import Journal, end_of, step

WCP_21 = definition(
    {
        "step_id": "weigh",
        "step_type": "loop",
        "loop_condition": "iteration < input.parcels",
        "body": [step("put"), step("read", "put")],
    },
    {
        "step_id": "ask",
        "step_type": "loop",
        "dependencies": ["weigh"],
        "loop_check": "after",
        "loop_condition": "iteration < input.parcels",
        "action": "work",
    },
    step("print", "ask"),
)

WCP_22 = definition(
    {
        "step_id": "base",
        "step_type": "conditional",
        "conditions": [
            {"expression": "input.n > 1", "next_steps": ["smaller"]},
            {"default": True, "next_steps": ["one"]},
        ],
    },
    {
        "step_id": "smaller",
        "step_type": "sub_workflow",
        "workflow": "factorial",
        "input_mapping": {"n": "input.n - 1"},
    },
    step(
        "multiply",
        "smaller",
        input_mapping={"product": "input.n * steps.smaller.output.product"},
        output_mapping={"result.product": "workflow.product"},
    ),
    step("one", input_mapping={"product": 1}, output_mapping={"result.product": "workflow.product"}),
    workflow_id="factorial",
)


async def test_wcp_21_structured_loop_repeats_while_its_condition_holds_before_or_after_a_round(
    harness: Harness,
) -> None:
    journal = Journal()
    async with harness.worker(journal.actions):
        some = await end_of(await harness.start(WCP_21, {"parcels": 2}))
        with_some = journal.take()
        none = await end_of(await harness.start(WCP_21, {"parcels": 0}))

    assert (some.failure, none.failure) == (None, None)
    assert with_some == ["weigh#0.put", "weigh#0.read", "weigh#1.put", "weigh#1.read", "ask#0", "ask#1", "print"]
    assert journal.ended == ["ask#0", "print"]


async def test_wcp_22_recursion_runs_the_definition_itself_on_something_smaller(harness: Harness) -> None:
    journal = Journal()
    async with harness.worker(journal.actions, [WCP_22]):
        outcome = await end_of(await harness.start("factorial", {"n": 4}))

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"product": 24}
    assert journal.ended == ["one", "multiply", "multiply", "multiply"]
