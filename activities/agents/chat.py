"""The models that are not scripted: LangChain makes them, where it is installed. It takes seconds to import, so it is imported late."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from importlib import import_module
from typing import TypeAlias

from advanced_workflow.activities.agents.endpoints import Target
from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.pieces import Asked, Piece, Provider
from advanced_workflow.workflows.contract import ModelFailure
from advanced_workflow.workflows.definition.model.model_settings import ModelSettings
from advanced_workflow.workflows.plain.text import one_line

EXTRA = 'pip install "advanced-workflow[agents]"'
_INSTALL = re.compile(r"pip install (?:-U )?([a-z][a-z0-9_-]+)")
_OF_THE_EXTRA = ("langchain", "langchain-core", "langchain-openai")
_MOST_KEPT = 64
"""Models that are kept, with their connections."""

_Answering: TypeAlias = Callable[[Asked], AsyncGenerator[Piece, None]]
_kept: OrderedDict[tuple[Target, str | None, ModelSettings], _Answering] = OrderedDict()


def preload(providers: Iterable[str]) -> None:
    """Import what models of these providers need, before anything waits for it. What is missing is told by the call that needs it."""
    for name in ("advanced_workflow.activities.agents.chat_models", *(f"langchain_{one}" for one in sorted(providers))):
        try:
            import_module(name)
        except ImportError:
            continue


def chat_model(target: Target, key: str | None) -> Provider:
    """The model of a target, with its key."""
    return _ChatModel(target, key)


class _ChatModel:
    def __init__(self, target: Target, key: str | None) -> None:
        self._target = target
        self._key = key

    async def stream(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        """Ask, and give the answer as it comes."""
        answering = await self._answering(asked.settings)
        async with aclosing(answering(asked)) as pieces:
            async for piece in pieces:
                yield piece

    async def _answering(self, settings: ModelSettings) -> _Answering:
        name = (self._target, self._key, settings)
        if name not in _kept:
            # Importing takes seconds, and the worker's loop has other runs to serve.
            _kept[name] = await asyncio.to_thread(_make, *name)
            if len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(name)
        return _kept[name]


def _make(target: Target, key: str | None, settings: ModelSettings) -> _Answering:
    try:
        from advanced_workflow.activities.agents.chat_models import answering

        return answering(target, key, settings)
    except ImportError as error:
        raise _not_installed(target, error) from None
    except Exception as error:
        raise _not_made(target, error) from None


def _not_installed(target: Target, error: ImportError) -> ModelError:
    # LangChain names the provider's package only in its sentence.
    named = _INSTALL.search(str(error))
    fix = EXTRA if named is None or named[1] in _OF_THE_EXTRA else f"pip install {named[1]}"
    return ModelError(
        ModelFailure.NOT_INSTALLED,
        f"model {target.model!r} of {target.provider!r} needs a package that this worker lacks; {fix}, and start it again.",
    )


def _not_made(target: Target, error: Exception) -> ModelError:
    """A provider that LangChain does not know, a key that is not there, or a setting that it does not take."""
    said = one_line(error)
    if "api_key" in said or "credentials" in said.lower():
        kind, fix = ModelFailure.ACCESS_DENIED, "set the provider's key in the worker's environment"
    elif "model_provider" in said or "Unsupported" in said:
        kind, fix = ModelFailure.UNKNOWN, "name a provider that LangChain knows, or an endpoint in ADW_MODEL_ENDPOINTS"
    else:
        kind, fix = ModelFailure.REFUSED, "check 'model_settings'"
    return ModelError(kind, f"model {target.model!r} of {target.provider!r} cannot be used ({said}); {fix}.")
