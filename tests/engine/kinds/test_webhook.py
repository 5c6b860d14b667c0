from __future__ import annotations

from typing import Any

from tests.engine.partner import http, partner
from tests.engine.stage import Stage, act, ends, fan, output_of, reaches, says
from tests.harness import Harness, definition, eventually, outcome_of, recording

ONCE = {"max_attempts": 1}


def call(**more: Any) -> dict[str, Any]:
    webhook = {"url": "input.url + '/orders'", "body": {"id": "input.id"}, **more.pop("webhook", {})}
    return {"step_id": "tell", "step_type": "webhook", "webhook": webhook, **more}


async def test_the_request_carries_the_mapped_body_and_the_steps_key_and_its_answer_is_the_output(
    harness: Harness,
) -> None:
    with partner() as service:
        async with harness.worker(activities=http("127.0.0.1")):
            workflow = definition(
                call(webhook={"method": "PUT", "headers": {"X-Order": "input.id"}}),
                output={"answer": "steps.tell.output"},
            )
            outcome = await outcome_of(await harness.start(workflow, {"url": service.address, "id": 7}))

    assert outcome.failure is None, outcome.message
    assert outcome.data["answer"]["status"] == 200
    assert outcome.data["answer"]["body"] == {"accepted": True}
    [request] = service.requests
    assert (request["method"], request["path"], request["body"]) == ("PUT", "/orders", {"id": 7})
    assert request["headers"]["x-order"] == "7"
    assert request["headers"]["idempotency-key"] == f"{outcome.report.execution_id}:tell"


async def test_a_busy_service_is_asked_again_and_a_refusal_fails_the_step(harness: Harness) -> None:
    with partner() as service:
        service.answers = [(503, {}), (200, {"accepted": True}), (422, {"why": "no such order"})]
        workflow = definition(call(), retry_policy={"max_attempts": 3, "delay": 0.1})
        async with harness.worker(activities=http("127.0.0.1")):
            first = await outcome_of(await harness.start(workflow, {"url": service.address, "id": 1}))
            second = await outcome_of(await harness.start(workflow, {"url": service.address, "id": 2}))

    assert first.failure is None, first.message
    assert second.failure == "WorkflowFailed"
    assert second.report.error is not None
    assert second.report.error.type == "HttpError"
    assert "422" in second.message
    assert len(service.requests) == 3


async def test_a_private_address_that_the_worker_does_not_list_is_refused(harness: Harness) -> None:
    with partner() as service:
        async with harness.worker(activities=http()):
            outcome = await outcome_of(await harness.start(definition(call()), {"url": service.address, "id": 1}))

    assert outcome.report.error is not None
    assert outcome.report.error.type == "HttpRefused"
    assert "ADW_HTTP_ALLOWED_HOSTS" in outcome.message
    assert service.requests == []


async def test_the_answering_event_is_part_of_the_output_whether_it_comes_early_or_late(harness: Harness) -> None:
    callback = {"callback": {"event": "answered", "match": "event.id == input.id"}}
    workflow = definition(call(webhook=callback), output={"said": "steps.tell.output.callback.said"})
    with partner() as service:
        async with harness.worker(activities=http("127.0.0.1")):
            early = await harness.start(workflow, {"url": service.address, "id": 1})
            await early.send_event("answered", {"id": 1, "said": "early"})
            late = await harness.start(workflow, {"url": service.address, "id": 2})
            await eventually(lambda: len(service.requests) == 2)
            await late.send_event("answered", {"id": 1, "said": "for somebody else"})
            await late.send_event("answered", {"id": 2, "said": "late"})
            outcomes = [await outcome_of(early), await outcome_of(late)]

    assert [one.data for one in outcomes] == [{"said": "early"}, {"said": "late"}]


async def test_a_call_that_is_not_answered_in_time_fails_and_is_undone(harness: Harness) -> None:
    undone: list[str] = []
    workflow = definition(
        call(webhook={"callback": {"event": "answered", "timeout": 0.5}}, rollback_actions=["undo"], retry_policy=ONCE)
    )
    with partner() as service:
        async with harness.worker({"undo": recording(undone)}, activities=http("127.0.0.1")):
            outcome = await outcome_of(await harness.start(workflow, {"url": service.address, "id": 1}))

    assert outcome.report.error is not None
    assert outcome.report.error.type == "EventTimeout"
    assert undone == ["tell completed"]


async def test_data_cannot_name_a_secret_of_the_worker(harness: Harness, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret-value")
    known = definition(call(webhook={"headers": {"Authorization": "'Bearer {{secret:TOKEN}}'"}}))
    stolen = definition(call(webhook={"headers": {"X-Note": "input.note"}}))
    with partner() as service:
        async with harness.worker(activities=http("127.0.0.1", secrets=(f"TOKEN={service.address}",))):
            first = await outcome_of(await harness.start(known, {"url": service.address, "id": 1}))
            second = await outcome_of(
                await harness.start(stolen, {"url": service.address, "id": 2, "note": "{{secret:TOKEN}}"})
            )
        history = (await first.handle.fetch_history()).to_json()

    assert first.failure is None, first.message
    assert service.requests[0]["headers"]["authorization"] == "Bearer s3cret-value"
    assert "s3cret-value" not in history
    assert second.failure == "WorkflowFailed"
    assert "only the definition may name secrets" in second.message
    assert len(service.requests) == 1


async def test_each_copy_waits_for_its_own_answer_and_one_may_be_given_up(harness: Harness) -> None:
    stage = Stage({"bad": 1})
    hook = {"body": {"id": "item"}, "callback": {"event": "answered", "match": "event.id == item"}}
    tells = fan("rows", "[1, 2, 3]", call(webhook=hook, rollback_actions=["undo"]))
    with partner() as service:
        async with harness.worker(stage.actions, activities=http("127.0.0.1")):
            run = await harness.start(definition(tells, act("bad", "rows")), {"url": service.address})
            await reaches(run, "rows[2].tell", "waiting")
            await eventually(lambda: len(service.requests) == 3)
            await run.send_event("answered", {"id": 2})
            await run.send_event("answered", {"other": "shape"})
            await run.skip_step("rows[2].tell", "answered by phone", by="op")
            await run.send_event("answered", {"id": 1})
            outcome = await outcome_of(run, state=True)

    assert outcome.failure == "WorkflowFailed"
    results = output_of(outcome, "rows")["results"]
    assert [one["steps"]["tell"]["callback"] for one in results[:2]] == [{"id": 1}, {"id": 2}]
    assert ends(outcome, *(f"rows[{row}].tell" for row in range(3))) == [
        "completed",
        "completed",
        "skipped_by_operator",
    ]
    # The call that was given up had been made all the same.
    assert sorted(stage.undone) == [f"rows[{row}].tell" for row in range(3)]
    assert outcome.state is not None
    assert [one.data for one in outcome.state.unconsumed_events] == [{"other": "shape"}]


async def test_a_call_is_made_again_with_the_same_key_and_its_failure_chooses_the_handler(harness: Harness) -> None:
    stage = Stage()
    late = call(webhook={"callback": {"event": "answered", "timeout": 0.4}})
    refused = {**call(), "step_id": "refused", "dependencies": ["tell"]}
    handlers = [{"handler": "other", "on": ["EventTimeout"]}, {"handler": "mend", "on": ["HttpError"]}]
    with partner() as service:
        service.answers = [(200, {}), (200, {}), (404, {})]
        async with harness.worker(stage.actions, activities=http("127.0.0.1")):
            run = await harness.start(
                definition(
                    late,
                    {**refused, "error_handlers": handlers},
                    act("other"),
                    act("mend", **says("steps.refused.error.details.status")),
                    on_failure="pause",
                    output={"status": "steps.mend.output"},
                ),
                {"url": service.address, "id": 1},
            )
            await reaches(run, "tell", "failed")
            await run.send_event("answered", "now")
            await run.retry_step("tell", "they are back", by="op")
            outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"status": 404}
    first, second, _ = (one["headers"]["idempotency-key"] for one in service.requests)
    assert first == second


async def test_a_cancelled_run_waits_for_no_answer_and_undoes_the_call(harness: Harness) -> None:
    stage = Stage()
    with partner() as service:
        async with harness.worker(stage.actions, activities=http("127.0.0.1")):
            waits = call(webhook={"callback": {"event": "answered"}}, rollback_actions=["undo"])
            run = await harness.start(definition(waits), {"url": service.address, "id": 1})
            await reaches(run, "tell", "waiting")
            await run.cancel()
            outcome = await outcome_of(run)

    assert outcome.failure == "Cancelled"
    assert stage.undo_inputs["tell"]["outcome"] == "completed"
    assert stage.undo_inputs["tell"]["output"]["status"] == 200
