"""The scripted model: answers by a script or a function, the same for the same conversation, without a network or any package."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

from temporalio import activity

from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.pieces import Asked, CallPiece, Piece
from advanced_workflow.activities.agents.scripts import ROOTS, Line, Script, ScriptedCall, ScriptedFailure
from advanced_workflow.workflows.contract import ChatMessage, Json, ModelFailure, Usage
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.errors import WorkflowError
from advanced_workflow.workflows.expressions.condition import compile_test
from advanced_workflow.workflows.expressions.template import compile_mapping

Written: TypeAlias = Script | Callable[[Asked], Line]
"""A script, or a function that says what the model says; it sees what a model would see."""

_PIECE = 40
"""Characters of a piece of text."""


class Scripted:
    """One scripted model."""

    def __init__(self, name: str, written: Written) -> None:
        """`name` is how the model calls itself."""
        self._name = name
        self._written = written

    async def stream(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        """Answer as the script says."""
        try:
            line, scope = _said(self._written, asked)
            pieces = [*_pieces(line, scope, asked, self._name)]
        except WorkflowError as error:
            raise ModelError(ModelFailure.REFUSED, f"script {self._name!r}: {error}") from None
        pause = line.seconds / len(pieces) if line.fail is None else 0.0
        if line.fail is not None:
            await asyncio.sleep(line.seconds)
            _fail_as(line.fail, self._name)
        for piece in pieces:  # It speaks for as long as its answer takes.
            if pause:
                await asyncio.sleep(pause)
            yield piece


def scripted(name: str, scripts: Mapping[str, Written]) -> Scripted:
    """The model of this name.

    Raises:
        ModelError: there is none.
    """
    written = scripts.get(name)
    if written is None:
        has = f"It has: {listed(sorted(scripts))}." if scripts else "It has none."
        raise ModelError(
            ModelFailure.UNKNOWN,
            f"this worker has no script {name!r}. {has} ADW_MODEL_SCRIPTS names the folders with scripts.",
        )
    return Scripted(name, written)


def _said(written: Written, asked: Asked) -> tuple[Line, dict[str, Any]]:
    scope = _scope(asked)
    if callable(written):
        return written(asked), scope
    for line in written:
        if line.when is not None and compile_test(line.when, ROOTS).holds(scope):
            return line, scope
    by_turn = [line for line in written if line.when is None]
    if not by_turn:
        nothing = f"the script has nothing to say in turn {asked.turn}; add a line without 'when' as its last."
        raise ModelError(ModelFailure.REFUSED, nothing)
    return by_turn[min(asked.turn, len(by_turn)) - 1], scope


def _scope(asked: Asked) -> dict[str, Any]:
    messages = asked.messages
    last = messages[-1] if messages else ChatMessage(role="user")
    return {
        "turn": asked.turn,
        "task": messages[0].content if messages else "",
        "last": {
            "role": last.role,
            "content": last.content,
            "name": last.name,
            "error": last.error,
            "data": _data(last.content),
        },
        "results": {one.name: _data(one.content) for one in messages if one.role == "tool"},
        "ask": asked.answer_only,
    }


def _data(content: str) -> Json:
    try:
        return json.loads(content)
    except ValueError:
        return content


def _pieces(line: Line, scope: Mapping[str, Any], asked: Asked, name: str) -> Iterator[Piece]:
    text = line.say if line.answer is None else _written_out(compile_mapping(line.answer, ROOTS).evaluate(scope))
    calls = [*_calls(line.calls, scope, len(asked.messages))]
    yield from (Piece(text=text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))
    for call in calls:
        yield Piece(calls=(call,))
    reason = line.finish_reason or ("tool_calls" if calls else "stop")
    yield Piece(finish_reason=reason, usage=_usage(line, asked, text, calls), model=name)


def _calls(calls: Sequence[ScriptedCall], scope: Mapping[str, Any], place: int) -> Iterator[CallPiece]:
    for number, call in enumerate(calls):
        text = call.text
        if text is None:
            text = json.dumps(compile_mapping(call.arguments, ROOTS).evaluate(scope), ensure_ascii=False)
        yield CallPiece(index=number, id=f"call_{place}_{number}", name=call.name, arguments=text)


def _written_out(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _usage(line: Line, asked: Asked, text: str, calls: Sequence[CallPiece]) -> Usage:
    shown = sum(len(one.content) for one in asked.messages) + len(asked.head.instructions)
    given = len(text) + sum(len(one.arguments) for one in calls)
    return Usage(
        input_tokens=max(1, shown // 4) if line.input_tokens is None else line.input_tokens,
        output_tokens=max(1, given // 4) if line.output_tokens is None else line.output_tokens,
    )


def _fail_as(failure: ScriptedFailure | None, name: str) -> None:
    if failure is None or (failure.attempts is not None and activity.info().attempt > failure.attempts):
        return
    delay = None if failure.retry_after is None else timedelta(seconds=failure.retry_after)
    raise ModelError(failure.type, f"script {name!r} says so.", delay=delay)
