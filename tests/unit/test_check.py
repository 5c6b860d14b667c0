from typing import Any

import pytest

from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from advanced_workflow.workflows.definition.check.check import check, check_text
from advanced_workflow.workflows.definition.graph.outline import MAX_DEPTH, MAX_STEPS
from advanced_workflow.workflows.definition.kinds.webhook import Webhook
from advanced_workflow.workflows.definition.model.events import CancelOn
from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.definition.model.retries import CircuitBreakerPolicy, RetryPolicy
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.problem import errors_of
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.validation import validate
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.unit.checking import checked, problems

ACTIONS = {
    "charge": ActionInfo(
        "charge",
        input_schema={
            "type": "object",
            "properties": {"amount": {"type": "integer"}, "card": {"type": "string"}},
            "required": ["amount"],
            "additionalProperties": False,
        },
        output_schema={
            "type": "object",
            "properties": {"payment": {"$ref": "#/$defs/P"}},
            "$defs": {"P": {"type": "object", "properties": {"id": {}}}},
        },
    ),
    "refund": ActionInfo("refund"),
    "legacy": ActionInfo("legacy", computes_retry_delay=False),
}


A = "- {step_id: a, action: x}\n"
B = "- {step_id: b, action: x}\n"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param("[]", [("empty_workflow", "steps")], id="no steps"),
        pytest.param(A + A, [("duplicate_id", "steps[1].step_id")], id="an id twice"),
        pytest.param(
            A + "- {step_id: p, step_type: parallel, parallel_steps: [{step_id: a, action: x}]}",
            [("duplicate_id", "steps[1].parallel_steps[0].step_id")],
            id="a nested id twice",
        ),
        pytest.param(
            "- step_id: a\n  action: x\n  dependencies: [q]\n  next_steps: [r]\n  error_handlers: [s]",
            [
                ("unknown_step", "steps[0].dependencies[0]"),
                ("unknown_step", "steps[0].next_steps[0]"),
                ("unknown_step", "steps[0].error_handlers[0]"),
            ],
            id="unknown steps",
        ),
        pytest.param(
            "- {step_id: r, step_type: rollback, rollback_to: q}",
            [("unknown_step", "steps[0].rollback_to")],
            id="unknown rollback_to",
        ),
        pytest.param(
            A + "- {step_id: r, step_type: rollback, rollback_to: a}",
            [("not_upstream", "steps[1].rollback_to")],
            id="rollback_to beside it",
        ),
        pytest.param(
            A + "- step_id: p\n  step_type: parallel\n  parallel_steps: [{step_id: n, action: x, dependencies: [a]}]",
            [("other_graph", "steps[1].parallel_steps[0].dependencies[0]")],
            id="an edge out of a container",
        ),
        pytest.param(
            "- step_id: p\n  step_type: parallel\n  parallel_steps: [{step_id: n, action: x}]\n- {step_id: a, action: x, dependencies: [n]}",
            [("other_graph", "steps[1].dependencies[0]")],
            id="an edge into a container",
        ),
        pytest.param(
            "- {step_id: a, action: x, dependencies: [a]}",
            [("cycle", "steps[0].dependencies[0]")],
            id="a step that waits for itself",
        ),
        pytest.param(
            "- {step_id: a, action: x, error_handlers: [a]}",
            [("error_handler", "steps[0].error_handlers"), ("cycle", "steps[0].error_handlers[0]")],
            id="its own handler",
        ),
        pytest.param(
            "- {step_id: a, action: x, dependencies: [b]}\n- {step_id: b, action: x, dependencies: [a]}\n- {step_id: c, action: x, dependencies: [b]}",
            [("cycle", "steps[0].dependencies[0]"), ("unreachable_step", "steps[2]")],
            id="a cycle and what is behind it",
        ),
        pytest.param(
            "- {step_id: a, action: x, dependencies: [b]}\n- {step_id: b, action: x, dependencies: [a]}\n"
            "- {step_id: d, action: x, dependencies: [c]}\n- {step_id: c, action: x, dependencies: [b]}\n"
            "- {step_id: e, action: x, dependencies: [d, f]}\n- {step_id: f, action: x, dependencies: [e]}",
            [
                ("cycle", "steps[0].dependencies[0]"),
                ("unreachable_step", "steps[2]"),
                ("unreachable_step", "steps[3]"),
                ("cycle", "steps[4].dependencies[1]"),
            ],
            id="two cycles and what is between them",
        ),
        pytest.param(
            "- {step_id: a, action: x, error_handlers: [h], dependencies: [c]}\n- {step_id: h, action: x}\n- {step_id: c, action: x, dependencies: [h]}",
            [("cycle", "steps[0].dependencies[0]")],
            id="a cycle over an error handler",
        ),
        pytest.param(
            "- {step_id: a, action: x, error_handlers: [h]}\n"
            + B
            + "- {step_id: h, action: x, dependencies: [b], error_handlers: [k]}\n- {step_id: k, action: x}",
            [("error_handler", "steps[2].dependencies[0]"), ("error_handler", "steps[2].error_handlers")],
            id="a handler that waits or has handlers",
        ),
        pytest.param(
            "- {step_id: a, action: x, conditions: ['false']}\n- {step_id: b, action: x, dependencies: [a]}",
            [("unreachable_step", "steps[0]"), ("unreachable_step", "steps[1]")],
            id="always skipped",
        ),
        pytest.param(
            A
            + B
            + "- step_id: c\n  step_type: conditional\n  conditions: [{expression: 'true', next_steps: [a]}, {default: true, next_steps: [b]}]",
            [("unreachable_step", "steps[1]"), ("unreachable_step", "steps[2].conditions[1]")],
            id="a route that is never taken, and the step that only it leads to",
        ),
        pytest.param(
            A
            + B
            + "- step_id: c\n  step_type: conditional\n  mode: all\n"
            + "  conditions: [{default: true, next_steps: [a]}, {expression: 'true', next_steps: [b]}]",
            [("unreachable_step", "steps[0]"), ("unreachable_step", "steps[2].conditions[0]")],
            id="a default beside a condition that always holds",
        ),
        pytest.param(
            A
            + B
            + "- step_id: c\n  step_type: conditional\n  conditions: [{expression: 'false', next_steps: [a]}, {expression: input.x, next_steps: [b]}]\n"
            + "- {step_id: either, action: x, dependencies: [a, b]}\n- {step_id: both, action: x, dependencies: [a, b], join: 2}\n"
            + "- {step_id: h, action: x}\n- {step_id: after, action: x, dependencies: [both], error_handlers: [h]}",
            [
                *(("unreachable_step", place) for place in ("steps[0]", "steps[2].conditions[0]", "steps[4]")),
                *(("unreachable_step", place) for place in ("steps[5]", "steps[6]")),
            ],
            id="a join of more edges than may be taken, and what follows from it",
        ),
        pytest.param(
            A
            + B
            + "- step_id: c\n  step_type: conditional\n  dependencies: [a]\n  conditions: [{expression: input.x, next_steps: [d]}, {default: true, next_steps: [b]}]\n"
            + "- {step_id: d, action: x, dependencies: [a]}\n- {step_id: e, action: x, dependencies: [c, b, d]}",
            [("no_effect", "steps[2].conditions[0].next_steps[0]")],
            id="a route to a step that runs without it",
        ),
        pytest.param(
            A
            + "- step_id: c\n  step_type: conditional\n  conditions: [{default: true, next_steps: [a]}, {default: true, next_steps: [a]}, {expression: input.x}]",
            [
                ("default_condition", "steps[1].conditions[1].default"),
                ("missing_field", "steps[1].conditions[2].next_steps"),
            ],
            id="two defaults and a route to nowhere",
        ),
        pytest.param(
            B + "- {step_id: a, action: x, conditions: [{expression: input.x, next_steps: [b]}, {default: true}]}",
            [
                ("meaningless_field", "steps[1].conditions[0].next_steps"),
                ("meaningless_field", "steps[1].conditions[1].default"),
            ],
            id="routes on an ordinary step",
        ),
    ],
)
def test_structure(steps: str, expected: list[tuple[str, str]]) -> None:
    assert problems(steps) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("step_type: sequential", ["missing_field action"]),
        ("step_type: worker", ["missing_field action"]),
        ("step_type: conditional", ["missing_field conditions"]),
        ("step_type: wait", ["missing_field wait"]),
        ("step_type: parallel", []),
        ("step_type: human_approval", []),
        ("step_type: rollback", []),
        ("step_type: loop, action: x", ["missing_field loop_condition"]),
        ("step_type: loop, loop_condition: iteration < 3", ["missing_field body"]),
        ("step_type: webhook", ["missing_field webhook"]),
        ("step_type: sub_workflow", ["missing_field workflow"]),
        ("step_type: react", ["missing_field agent"]),
        ("step_type: orchestrator", ["missing_field orchestrator"]),
        ("step_type: parallel, action: x", ["meaningless_field action"]),
        ("step_type: human_approval, timeout: 5", ["meaningless_field timeout"]),
        ("step_type: parallel, retry_policy: {max_attempts: 5}", ["meaningless_field retry_policy.max_attempts"]),
        ("step_type: parallel, retry_policy: {continue_on_failure: true, parallel_failure_threshold: 1}", []),
        (
            "action: x, retry_policy: {parallel_failure_threshold: 1}",
            ["meaningless_field retry_policy.parallel_failure_threshold"],
        ),
        ("action: x, wait: {seconds: 1}, mode: first", ["meaningless_field wait"]),
        ("action: x, parallel_steps: [{step_id: n, action: x}]", ["meaningless_field parallel_steps"]),
        ("step_type: rollback, rollback_actions: [x]", ["meaningless_field rollback_actions"]),
        ("step_type: sub_workflow, workflow: w, timeout: 5, retry_policy: {max_attempts: 2}", []),
        ("step_type: sub_workflow, workflow: w, total_timeout: 5", ["meaningless_field total_timeout"]),
        ("step_type: webhook, webhook: {url: input.url, headers: {a: null}}", ["wrong_value webhook.headers.a"]),
        ("step_type: webhook, webhook: {url: input.url, headers: {a: [1]}}", ["wrong_value webhook.headers.a"]),
        ("step_type: webhook, webhook: {url: input.url, headers: {a: 1, b: input.b}}", []),
        ("step_type: webhook, webhook: {url: input.url, callback: {}}", ["missing_field webhook.callback.event"]),
    ],
)
def test_each_step_type_has_the_fields_it_needs_and_no_others(fields: str, expected: list[str]) -> None:
    found = [one for one in problems(f"- {{step_id: a, {fields}}}") if one[0] != "no_deadline"]

    assert [f"{code} {path.removeprefix('steps[0].')}" for code, path in found] == expected


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        ("{approvers: [ann, ann, 'group:g'], groups: {g: [ann, bob]}, required: 3}", [("error", "quorum_unreachable")]),
        ("{approvers: [ann, bob], required: 2}", [("warning", "quorum_unreachable")]),
        ("{approvers: [ann, bob], required: 2, allow_self_approval: true}", []),
        ("{approvers: ['group:g'], groups: {g: []}}", [("error", "quorum_unreachable")]),
        ("{approvers: [ann, bob, 'group:g'], groups: {g: []}}", [("warning", "quorum_unreachable")]),
        ("{approvers: [ann, 'group:open'], required: 5}", []),
        ("{approvers: [{expression: input.manager}], required: 5}", []),
        ("{required: 5}", []),
        ("{on_timeout: approve}", [("warning", "meaningless_field")]),
        ("{form: {type: nope}}", [("error", "invalid_schema")]),
        ("{deadline: 7200}", [("warning", "timeout_relation")]),
        (
            "{deadline: 50, escalation: {after: 50, to: [x]}}",
            [("error", "not_supported_yet"), ("warning", "timeout_relation")],
        ),
        (
            "{on_timeout: escalate, deadline: 5}",
            [("error", "not_supported_yet"), ("error", "missing_field")],
        ),
    ],
)
def test_approvals_that_cannot_end_as_meant_are_found(approval: str, expected: list[tuple[str, str]]) -> None:
    found = checked(f"- {{step_id: a, step_type: human_approval, approval: {approval}}}")

    assert [(p.severity, p.code) for p in found if p.code != "no_deadline"] == expected


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("heartbeat_timeout: 400", "heartbeat_timeout"),
        ("timeout: 100, total_timeout: 50", "timeout"),
        ("total_timeout: 4000", "total_timeout"),
    ],
)
def test_timeouts_that_never_pass_are_warned_about(fields: str, place: str) -> None:
    found = checked(f"- {{step_id: a, action: x, {fields}}}")

    assert [(p.severity, p.code, p.path) for p in found] == [("warning", "timeout_relation", f"steps[0].{place}")]


def test_text_of_an_address_needs_quotes_of_its_own() -> None:
    (found,) = checked("- {step_id: a, step_type: webhook, webhook: {url: https://example.com/hook}}")

    assert (found.code, found.path) == ("bad_expression", "steps[0].webhook.url")
    assert found.fix == "Write \"'https://example.com/hook'\": quotes inside the quotes."


def test_what_follows_a_wait_without_an_end_is_warned_about() -> None:
    found = checked("- {step_id: a, step_type: wait, wait: {event: e, on_timeout: continue}}")

    assert [(p.severity, p.code, p.path) for p in found] == [
        ("warning", "meaningless_field", "steps[0].wait.on_timeout")
    ]


def test_a_default_timeout_in_a_short_workflow_is_no_warning() -> None:
    assert problems(A, top="timeout: 60") == []


def test_schemas_sla_targets_and_joins_are_checked() -> None:
    found = problems(
        A
        + "- {step_id: b, action: x, input_validation: {$ref: 'http://x.example'}, dependencies: [a], join: 2, cancel_rest: true}\n- {step_id: c, action: x, dependencies: [a], cancel_rest: true}",
        top="input_schema: {type: 3}\nsla_targets: {min_success_rate: 2, max_step_time: 5, own: x}",
    )

    assert found == [
        ("invalid_schema", "steps[1].input_validation"),
        ("wrong_value", "steps[1].join"),
        ("meaningless_field", "steps[2].cancel_rest"),
        ("invalid_schema", "input_schema"),
        ("wrong_value", "sla_targets.min_success_rate"),
    ]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("input.order.id", None),
        ("1 +", "bad_expression"),
        ("nobody.x", "bad_expression"),
        ("steps.z.output", "unknown_step"),
        ("steps.late.output", "not_upstream"),
        ("steps.me.output", "not_upstream"),
        ("steps.first.outputs", "unknown_step_field"),
        ("steps.first.output.payment.id", None),
        ("steps.first.output.paiment", "unknown_output_field"),
        ("steps.first.output.payment.idd", "unknown_output_field"),
        ("steps.inner.output.anything", None),
        ("steps.helper.output", None),
        ("input.ordr", "unknown_input_field"),
        ("run.execution_id", None),
        ("run.ident", "unknown_run_field"),
        ("workflow.limit", None),
        ("workflow.total", None),
        ("workflow.totl", "unknown_variable"),
    ],
)
def test_expressions_are_checked_against_what_is_there(mapping: str, expected: str | None) -> None:
    found = problems(
        f"""
        - {{step_id: first, action: charge, input_mapping: {{amount: 1}}, error_handlers: [helper], output_mapping: {{result: workflow.total.x}}}}
        - {{step_id: helper, action: refund}}
        - {{step_id: box, step_type: parallel, dependencies: [first], parallel_steps: [{{step_id: inner, action: legacy}}]}}
        - {{step_id: me, action: refund, dependencies: [box], input_mapping: {{list: [1, {{deep: '{mapping}'}}]}}}}
        - {{step_id: late, action: refund}}
        """,
        ACTIONS,
        top="input_schema: {type: object, properties: {order: {}}, additionalProperties: false}\nglobal_variables: {limit: 3}",
    )

    found = [one for one in found if one[0] != "absent_output"]  # Which output is there is not asked here.
    assert found == ([(expected, "steps[3].input_mapping.list[1].deep")] if expected else [])


def test_result_is_checked_against_the_action_that_gives_it() -> None:
    steps = """
        - step_id: a
          action: charge
          input_mapping: {amount: 1}
          output_mapping: {result.payment.id: workflow.id, result.paymnt: workflow.x}
          rollback_actions: [refund]
          rollback_mapping: {id: result.payment.id, old: {n: result.number}}
        """

    found = [one for one in problems(steps, ACTIONS) if one[0] != "unknown_result"]
    assert found == [
        ("unknown_output_field", 'steps[0].output_mapping["result.paymnt"]'),
        ("unknown_output_field", "steps[0].rollback_mapping.old.n"),
    ]


def test_a_nested_step_sees_what_is_upstream_of_its_container_and_its_siblings() -> None:
    steps = """
        - {step_id: before, action: x}
        - {step_id: beside, action: x}
        - step_id: box
          step_type: parallel
          dependencies: [before]
          parallel_steps:
            - {step_id: one, action: x, input_mapping: {a: steps.before.output, b: steps.beside.output}}
            - {step_id: two, action: x, dependencies: [one], input_mapping: {a: steps.one.output, b: steps.box.output}}
            - {step_id: three, action: x, input_mapping: {a: steps.one.output}}
        """

    assert problems(steps) == [
        ("not_upstream", "steps[2].parallel_steps[0].input_mapping.b"),
        ("not_upstream", "steps[2].parallel_steps[1].input_mapping.b"),
        ("not_upstream", "steps[2].parallel_steps[2].input_mapping.a"),
    ]


def test_copies_of_a_fan_out_are_not_visible_one_by_one() -> None:
    steps = """
        - {step_id: box, step_type: parallel, for_each: input.items, parallel_steps: [{step_id: one, action: x, input_mapping: {a: item, b: index}}]}
        - {step_id: after, action: x, dependencies: [box], input_mapping: {a: steps.one.output, b: steps.box.output}}
        """

    found = errors_of(checked(steps))

    assert [(p.code, p.path) for p in found] == [("not_upstream", "steps[1].input_mapping.a")]
    assert found[0].fix == "Use steps.box.output."


def test_names_are_known_only_where_they_have_a_value() -> None:
    steps = """
        - step_id: a
          action: x
          input_mapping: {r: result, i: item, n: iteration, e: event}
          output_mapping: {result.x: workflow.x, input.y: workflow.y}
          rollback_mapping: {r: result, s: steps.a.output}
        - step_id: w
          step_type: wait
          wait: {event: paid, match: event.id == input.id, timeout: 60}
        - step_id: l
          step_type: loop
          loop_condition: iteration < 3
          body: [{step_id: b, action: x, input_mapping: {n: iteration}}]
        """

    assert problems(steps) == [
        ("bad_expression", "steps[0].input_mapping.e"),
        ("bad_expression", "steps[0].input_mapping.i"),
        ("bad_expression", "steps[0].input_mapping.n"),
        ("bad_expression", "steps[0].input_mapping.r"),
    ]


@pytest.mark.parametrize(
    "step",
    [
        "step_type: parallel, for_each: '3'",
        "step_type: loop, action: x, loop_condition: '3'",
        "step_type: wait, wait: {seconds: '\"soon\"'}",
        "step_type: wait, wait: {until: '3'}",
        "step_type: wait, wait: {event: e, match: '3'}",
        "step_type: human_approval, approval: {approvers: [{expression: '3'}]}",
        "step_type: webhook, webhook: {url: '3'}",
        "step_type: webhook, webhook: {url: input.url, headers: {a: 'true'}}",
        "action: x, conditions: ['3']",
        "action: x, conditions: [{field: input.a, operator: matches, value: '('}]",
        "action: x, conditions: [{field: input.a, operator: in, value: 3}]",
    ],
)
def test_an_expression_that_gives_the_wrong_type_is_refused(step: str) -> None:
    assert [p.code for p in errors_of(checked(f"- {{step_id: a, {step}}}"))] == ["bad_expression"]


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("action: x, input_mapping: {a: [{b: 1 +}]}", "input_mapping.a[0].b"),
        ("action: x, output_mapping: {1 +: workflow.a}", 'output_mapping["1 +"]'),
        ("action: x, rollback_mapping: {a: 1 +}", "rollback_mapping.a"),
        ("action: x, conditions: [1 +]", "conditions[0]"),
        ("action: x, conditions: [{field: 1 +, operator: exists}]", "conditions[0]"),
        ("action: x, join: 1 +", "join"),
        ("step_type: parallel, for_each: 1 +", "for_each"),
        ("step_type: loop, action: x, loop_condition: 1 +", "loop_condition"),
        ("step_type: human_approval, approval: {subject: {a: 1 +}}", "approval.subject.a"),
        ("step_type: human_approval, approval: {approvers: [{expression: 1 +}]}", "approval.approvers[0].expression"),
        ("step_type: wait, wait: {seconds: 1 +}", "wait.seconds"),
        ("step_type: wait, wait: {until: 1 +}", "wait.until"),
        ("step_type: wait, wait: {event: e, match: 1 +}", "wait.match"),
        ("step_type: webhook, webhook: {url: 1 +}", "webhook.url"),
        ("step_type: webhook, webhook: {url: input.u, headers: {a: 1 +}}", "webhook.headers.a"),
        ("step_type: webhook, webhook: {url: input.u, body: [1 +]}", "webhook.body[0]"),
        ("step_type: webhook, webhook: {url: input.u, callback: {event: e, match: 1 +}}", "webhook.callback.match"),
        ("step_type: orchestrator, orchestrator: {task: 1 +, workers: [a]}", "orchestrator.task"),
    ],
)
def test_every_expression_of_a_step_is_compiled(step: str, place: str) -> None:
    found = errors_of(checked(f"- {{step_id: a, {step}}}"))

    assert [(p.code, p.path) for p in found] == [("bad_expression", f"steps[0].{place}")]


def test_output_targets_are_checked() -> None:
    found = problems(
        "- {step_id: a, action: x, output_mapping: {result.a: order.id, result.b: 'workflow.l[]', result.c: workflow}}"
    )

    assert found == [
        ("invalid_target", 'steps[0].output_mapping["result.a"]'),
        ("invalid_target", 'steps[0].output_mapping["result.c"]'),
    ]


def test_the_result_may_name_every_step() -> None:
    assert problems(A, top="output: {a: steps.a.output, b: {c: steps.z.output}}") == [("unknown_step", "output.b.c")]


def test_an_unknown_action_is_named_with_the_nearest_one() -> None:
    found = checked("- {step_id: a, action: chrge, rollback_actions: [refnd]}", ACTIONS)

    assert [str(p) for p in found] == [
        "steps[0].action (line 4): action 'chrge' is not registered; 'adw actions' lists 3. Did you mean 'charge'? [unknown_action]",
        "steps[0].rollback_actions[0] (line 4): action 'refnd' is not registered; 'adw actions' lists 3. "
        "Did you mean 'refund'? [unknown_action]",
    ]


def test_nothing_is_said_about_parameters_of_an_action_with_an_open_or_other_input() -> None:
    actions = {
        "open": ActionInfo("open", input_schema={"type": "object", "properties": {"a": {}}}),
        "list": ActionInfo("list", input_schema={"type": "array"}),
    }

    assert problems("- {step_id: a, action: open, input_mapping: {b: 1}}", actions) == []
    assert problems("- {step_id: a, action: list, input_mapping: {b: 1}}", actions) == []


def test_tools_and_reminders_are_actions_too() -> None:
    steps = """
        - {step_id: a, step_type: react, agent: {model: m, tools: [{action: refund, parameters: {type: object}}, serch], output_schema: {type: 3}}}
        - {step_id: b, step_type: human_approval, approval: {reminders: [{after: 1}, {after: 2, action: nudge}]}}
        """

    assert [(p.code, p.path) for p in errors_of(checked(steps, ACTIONS))] == [
        ("unknown_action", "steps[0].agent.tools[1]"),
        ("invalid_schema", "steps[0].agent.output_schema"),
        ("not_supported_yet", "steps[1].approval.reminders"),
        ("unknown_action", "steps[1].approval.reminders[1].action"),
    ]


def test_an_action_on_another_queue_may_be_unknown_here() -> None:
    found = checked("- {step_id: a, action: render, agent_capability: gpu}", ACTIONS)

    assert [(p.severity, p.code) for p in found] == [("warning", "unknown_action")]


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("{}", ["missing_parameter steps[0].input_mapping"]),
        ("{amount: input.x, card: input.y}", []),
        ("{amount: 3}", []),
        ("{amount: 3.5}", ["wrong_parameter steps[0].input_mapping.amount"]),
        ("{amount: null}", ["wrong_parameter steps[0].input_mapping.amount"]),
        ("{amount: 3, crd: input.x}", ["unknown_parameter steps[0].input_mapping.crd"]),
    ],
)
def test_the_input_fits_the_action(mapping: str, expected: list[str]) -> None:
    found = problems(f"- {{step_id: a, action: charge, input_mapping: {mapping}}}", ACTIONS)

    assert [" ".join(entry) for entry in found] == expected


@pytest.mark.parametrize("policy", ["{backoff_strategy: linear}", "{jitter: 0.5}"])
def test_a_delay_the_worker_must_compute_is_warned_about(policy: str) -> None:
    own = f"- {{step_id: a, action: legacy, retry_policy: {policy}}}"

    assert [(p.severity, p.code) for p in checked(own, ACTIONS)] == [("warning", "retry_delay_fallback")]
    assert problems("- {step_id: a, action: legacy}", ACTIONS, top=f"retry_policy: {policy}") == [
        ("retry_delay_fallback", "steps[0]")
    ]
    assert problems(f"- {{step_id: a, action: refund, retry_policy: {policy}}}", ACTIONS) == []


def test_what_is_not_supported_yet_is_listed_with_its_place() -> None:
    steps = """
        - step_id: d
          step_type: human_approval
          approval: {deadline: 5, on_timeout: escalate, escalation: {after: 1, to: [x]}, reminders: [{after: 1}]}
        """
    found = checked(steps)

    assert {(p.code, p.severity) for p in found} == {("not_supported_yet", "error")}
    assert [p.path for p in found] == [
        "steps[0].approval.on_timeout",
        "steps[0].approval.escalation",
        "steps[0].approval.reminders",
    ]


def test_everything_else_is_supported() -> None:
    inner = WorkflowStep(step_id="n", action="x")
    steps = (
        WorkflowStep(step_id="a", action="x", execution="local", lock=Lock(name="l"), cancel_on=CancelOn(event="e")),
        WorkflowStep(step_id="b", step_type=StepType.LOOP, loop_condition="iteration < 3", body=(inner,)),
        WorkflowStep(step_id="c", step_type=StepType.PARALLEL, for_each="input.x", dependencies=("a", "b"), join="any"),
        WorkflowStep(step_id="d", step_type=StepType.WEBHOOK, webhook=Webhook(url="input.url")),
        WorkflowStep(step_id="e", step_type=StepType.SUB_WORKFLOW, workflow="other"),
        WorkflowStep(step_id="f", action="x", retry_policy=RetryPolicy(circuit_breaker=CircuitBreakerPolicy())),
    )

    assert check(AdvancedWorkflow(workflow_id="w", steps=steps)) == []


def test_a_wrong_field_does_not_hide_the_other_problems_nor_make_new_ones() -> None:
    steps = """
        - 3
        - {step_id: my step, action: x}
        - {step_id: a, step_type: sequentail, dependencies: [z, my step], action: x}
        - {step_id: b, step_type: wait, wait: {seconds: -1}}
        - {step_id: c, action: x, timeout: -1, input_mapping: {v: 1 +}}
        """

    assert problems(steps) == [
        ("wrong_type", "steps[0]"),
        ("wrong_value", "steps[1].step_id"),
        ("wrong_value", "steps[2].step_type"),
        ("unknown_step", "steps[2].dependencies[0]"),
        ("wrong_value", "steps[3].wait.seconds"),
        ("wrong_value", "steps[4].timeout"),
        ("bad_expression", "steps[4].input_mapping.v"),
    ]


def test_problems_have_the_line_of_their_place() -> None:
    found = checked("- step_id: a\n  action: x\n  dependencies:\n    - b\n    - c\n")

    assert [(p.path, p.line) for p in found] == [("steps[0].dependencies[0]", 7), ("steps[0].dependencies[1]", 8)]


def test_unreadable_text_is_one_problem() -> None:
    assert [p.code for p in check_text("a: [")] == ["syntax"]
    assert [p.code for p in check_text("- a")] == ["wrong_type"]


def nested(levels: int) -> WorkflowStep:
    """Fan-outs and loops in turn."""
    step = WorkflowStep(step_id="leaf", action="x")
    for level in range(levels - 1):
        name = f"level{level}"
        if level % 2:
            step = WorkflowStep(step_id=name, step_type=StepType.PARALLEL, for_each="input.x", parallel_steps=(step,))
        else:
            step = WorkflowStep(step_id=name, step_type=StepType.LOOP, loop_condition="iteration < 3", body=(step,))
    return step


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 2000])
def test_steps_that_nest_too_deeply_are_reported(levels: int) -> None:
    assert check(AdvancedWorkflow(workflow_id="w", steps=(nested(MAX_DEPTH),))) == []
    assert [p.code for p in check(AdvancedWorkflow(workflow_id="w", steps=(nested(levels),)))] == ["too_deep"]


def test_steps_that_nest_too_deeply_in_a_text_are_reported() -> None:
    opened = "".join(f'{{"step_id": "s{n}", "step_type": "parallel", "parallel_steps": [' for n in range(60))
    text = f'{{"workflow_id": "w", "steps": [{opened}{{"step_id": "a", "action": "x"}}{"]}" * 60}]}}'

    assert [p.code for p in check_text(text)] == ["too_deep"]


def test_a_definition_made_in_python_meets_the_limits_of_a_text() -> None:
    deep: Any = 1
    for _ in range(1000):
        deep = [deep]

    large = AdvancedWorkflow(workflow_id="w", description="x" * 2**20, steps=(WorkflowStep(step_id="a", action="x"),))
    assert [(p.code, p.path) for p in check(large)] == [("too_large", "")]
    assert [p.code for p in validate({"workflow_id": "w", "global_variables": {"x": deep}}).problems] == ["too_deep"]
    half = AdvancedWorkflow(workflow_id="w", global_variables={"x": "\ud800"}, steps=large.steps)
    assert [(p.code, p.path) for p in check(half)] == [("wrong_value", "")]
    nan = validate({"workflow_id": "w", "global_variables": {"x": float("nan")}}).problems
    assert [(p.code, p.path) for p in nan] == [("not_finite", "global_variables.x")]


def test_too_many_steps_are_reported() -> None:
    steps = tuple(WorkflowStep(step_id=f"s{number}", action="x") for number in range(MAX_STEPS + 1))

    assert check(AdvancedWorkflow(workflow_id="w", steps=steps[:-1])) == []
    assert [p.code for p in check(AdvancedWorkflow(workflow_id="w", steps=steps))] == ["too_many_steps"]


def test_many_problems_of_one_kind_do_not_hide_another() -> None:
    steps = tuple(WorkflowStep(step_id=f"s{number}", action="x", dependencies=("q",)) for number in range(500))
    found = check(AdvancedWorkflow(workflow_id="w", steps=(*steps, WorkflowStep(step_id="last"))))

    assert len(found) == 101
    assert found[-1].code == "missing_field"


def test_codes_never_change() -> None:
    pinned = """
        unreadable syntax duplicate_key unsupported_yaml not_finite too_large too_deep unknown_field missing_field wrong_type
        wrong_value meaningless_field invalid_schema empty_workflow too_many_steps duplicate_id unknown_step other_graph cycle
        unreachable_step error_handler default_condition not_upstream no_effect shared_dependency endless_loop
        quorum_unreachable no_deadline timeout_relation retry_delay_fallback unknown_error_type local_execution lock_limit lock_deadlock
        bad_expression constant_arithmetic invalid_target unknown_step_field unknown_output_field absent_output unknown_input_field unknown_graph unknown_result unknown_run_field
        unknown_progress_field unknown_server unknown_variable unknown_action missing_parameter unknown_parameter wrong_parameter
        unknown_workflow wrong_queue wrong_version reserved_name not_supported_yet duplicate_workflow misleading_name
        """

    assert sorted(Code) == sorted(pinned.split())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[1, 2][5]", "no element 5"),
        ("1 / 0", "division by zero"),
        ("workflow.limits.z", "no field 'z'"),
        ("workflow.limits.y", ""),
        ("workflow.written.z", ""),
        ("input.x / 0", ""),
    ],
)
def test_a_constant_that_fails_is_told_before_any_run_fails_on_it(value: str, reason: str) -> None:
    steps = (
        f"- {{step_id: a, action: x, input_mapping: {{v: '{value}'}}, output_mapping: {{result: workflow.written}}}}"
    )
    found = checked(steps, top="global_variables: {limits: {y: 1}, written: {y: 1}}")

    assert [(one.severity, one.code) for one in found] == ([("warning", "bad_expression")] if reason else [])
    assert not reason or f"it fails in every run that comes here: {reason}" in found[0].message


def test_two_results_have_two_targets() -> None:
    found = problems("- {step_id: a, action: x, output_mapping: {result.a: workflow.x, result.b: workflow.x}}")
    many = problems("- {step_id: a, action: x, output_mapping: {result.a: 'workflow.x[]', result.b: 'workflow.x[]'}}")

    assert (found, many) == ([("invalid_target", 'steps[0].output_mapping["result.b"]')], [])


ENDLESS = "and only the end of the run ends that"


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("step_type: human_approval, approval: {approvers: [ann, bob]}", "approval"),
        ("step_type: human_approval", "approval"),
        ("step_type: wait, wait: {event: paid}", "wait"),
        ("step_type: webhook, webhook: {url: input.url, callback: {event: back}}", "webhook.callback"),
        ("step_type: react, agent: {model: m, prompt: \"'x'\", tools: [{action: y, approve: true}]}", "agent.tools[0]"),
        (
            "step_type: react, agent: {model: m, prompt: \"'x'\", tools: [{action: y, approve: true, approval: {approvers: [ann, bob]}}]}",
            "agent.tools[0].approval",
        ),
        (
            "step_type: orchestrator, orchestrator: {workers: [{name: w, action: y, sensitive: true}], approval: {approvers: [ann, bob]}}",
            "orchestrator.approval",
        ),
    ],
)
def test_what_waits_without_an_end_of_its_own_is_warned_about(step: str, place: str) -> None:
    (found,) = checked(f"- {{step_id: a, {step}}}")
    (bounded,) = checked(f"- {{step_id: a, {step}}}", top="timeout: 86400")

    assert (found.severity, found.code, found.path) == ("warning", "no_deadline", f"steps[0].{place}")
    assert f"{ENDLESS} (3600 s, as it has no 'timeout' of its own)" in found.message
    assert f"{ENDLESS} (86400 s)" in bounded.message
    field = "deadline" if "approv" in step else "timeout"
    assert field in found.fix


@pytest.mark.parametrize(
    "steps",
    [
        "- {step_id: a, step_type: human_approval, approval: {deadline: 60}}",
        "- {step_id: a, step_type: wait, wait: {event: paid, timeout: 60}}",
        "- {step_id: a, step_type: wait, wait: {seconds: 60}}",
        "- {step_id: a, step_type: wait, wait: {event: paid}, cancel_on: {event: stop}}",
        "- {step_id: a, step_type: wait, wait: {event: paid}}\n- {step_id: t, step_type: wait, wait: {seconds: 9}}\n"
        "- {step_id: c, action: x, dependencies: [a, t], join: any, cancel_rest: true}",
        "- step_id: p\n  step_type: parallel\n  complete_when: progress.completed > 0\n"
        "  parallel_steps: [{step_id: a, step_type: wait, wait: {event: paid}}, {step_id: b, action: x}]",
    ],
)
def test_what_something_else_ends_is_not_warned_about(steps: str) -> None:
    assert [one.code for one in checked(steps) if one.code == "no_deadline"] == []
