"""One exception tree with stable codes.

Every error a caller can see derives from `WorkflowError`. `code` is part of the public contract: it is the Temporal failure
type of a failed run or a rejected update, and the code a tool prints. This module imports nothing of the project.
"""

from __future__ import annotations

from typing import ClassVar


class WorkflowError(Exception):
    """Base of every error of this project.

    `code` never changes between releases; the message is one sentence that names the place and the next action.
    """

    code: ClassVar[str] = "WorkflowError"

    @property
    def message(self) -> str:
        """The sentence, without the code."""
        return str(self)


class DefinitionInvalid(WorkflowError):
    """A definition has problems; `adw check FILE` lists all of them with their fixes."""

    code = "DefinitionInvalid"


class DefinitionNotFound(WorkflowError):
    """No definition of that name is registered on the worker; `adw definitions` lists those that are."""

    code = "DefinitionNotFound"


class AdHocRefused(WorkflowError):
    """The worker does not run this definition from a run's arguments (its setting `ADW_AD_HOC`)."""

    code = "AdHocRefused"


class UnknownAction(WorkflowError):
    """A definition names an action that the workers of its queue do not serve; the sentence names the place and what is near."""

    code = "UnknownAction"


class NotSupportedYet(WorkflowError):
    """The definition uses a part of the language that this release checks but does not run."""

    code = "NotSupportedYet"


class InputInvalid(WorkflowError):
    """`input_data`, the execution options or a step's mapped input do not fit their schema."""

    code = "InputInvalid"


class PayloadTooLarge(WorkflowError):
    """A value is larger than a Temporal payload may be (2 MiB); map less of it, or pass a reference."""

    code = "PayloadTooLarge"


class StorageFailed(WorkflowError):
    """A large value could not be stored or read back; the sentence names the place and what to do.

    Workflow tasks that meet it are tried again until the storage answers, actions as their retry policy says.
    """

    code = "StorageFailed"


class DataInvalid(WorkflowError):
    """A value is not JSON: bytes, NaN or an infinity, or a key that is not a string."""

    code = "DataInvalid"


class ExpressionError(WorkflowError):
    """An expression failed: it does not compile, names something unknown, or its data does not fit.

    `column` is 1-based and counts characters of `source`; it is 0 where no position is known.
    """

    code = "ExpressionError"

    def __init__(self, reason: str, *, source: str = "", column: int = 0) -> None:
        """Keep the parts; the sentence is built from them."""
        self.reason = reason
        self.source = source
        self.column = column
        place = f" in expression {source!r}" if source else ""
        at = f", column {column}" if column else ""
        super().__init__(f"{reason}{place}{at}")


class ExpressionInvalid(ExpressionError):
    """An expression was refused when it was compiled, before anything ran.

    `fix` is the sentence that shows the right form; empty where it is not known.
    """

    code = "ExpressionInvalid"

    def __init__(self, reason: str, *, source: str = "", column: int = 0, fix: str = "") -> None:
        """Keep the parts; the sentence is built from them."""
        super().__init__(reason, source=source, column=column)
        self.fix = fix
        if fix:
            self.args = (f"{self}. {fix}",)


class ExpressionBudgetExceeded(ExpressionError):
    """An expression asked for more iterations or memory than one evaluation may use."""

    code = "ExpressionBudgetExceeded"


class Deadlock(WorkflowError):
    """Nothing runs, nothing waits, and steps remain."""

    code = "Deadlock"


class WorkflowFailed(WorkflowError):
    """A step failed and nothing in the definition recovers from it."""

    code = "WorkflowFailed"


class WorkflowTimeout(WorkflowError):
    """The run took longer than the definition's `timeout`."""

    code = "WorkflowTimeout"


class ApprovalRejected(WorkflowError):
    """A human approval was rejected."""

    code = "ApprovalRejected"


class ApprovalTimeout(WorkflowError):
    """An approval's deadline passed and its `on_timeout` is `fail`."""

    code = "ApprovalTimeout"


class EventTimeout(WorkflowError):
    """An awaited event did not come in time."""

    code = "EventTimeout"


class LoopLimitExceeded(WorkflowError):
    """A loop reached `loop_max_iterations` and its condition still holds."""

    code = "LoopLimitExceeded"


class AgentLimitExceeded(WorkflowError):
    """An agent used up its turns, tokens, money or calls of tools."""

    code = "AgentLimitExceeded"


class GraphRefused(WorkflowError):
    """A user's graph cannot be loaded, or what it does cannot be right in a workflow; the message gives every reason."""

    code = "GraphRefused"


class UnknownGraph(WorkflowError):
    """A definition names a graph that the worker does not serve."""

    code = "UnknownGraph"


class GraphNotDeterministic(WorkflowError):
    """A node that ran again asked for another call than before; the message names both."""

    code = "GraphNotDeterministic"


class GraphLimitReached(WorkflowError):
    """A state graph did not end within the rounds of nodes that it may take."""

    code = "GraphLimitReached"


class PlanInvalid(WorkflowError):
    """The plan of an orchestrator's task cannot be run, however often its model was told why; `details.problems` lists what is wrong."""

    code = "PlanInvalid"


class OutputInvalid(WorkflowError):
    """An agent's answer does not fit its `output_schema`, however often it was asked."""

    code = "OutputInvalid"


class AnswerWithheld(WorkflowError):
    """The provider of a model kept back what the model would have answered."""

    code = "AnswerWithheld"


class StateTooLarge(WorkflowError):
    """What a long run must carry on is more than Temporal takes; configure external storage, or keep less."""

    code = "StateTooLarge"


class CancelledByEvent(WorkflowError):
    """The event of a step's `cancel_on` came and its `outcome` is `fail`."""

    code = "CancelledByEvent"


class StepTimeout(WorkflowError):
    """A step took longer than its `timeout`."""

    code = "Timeout"


class RollbackIncomplete(WorkflowError):
    """Not everything that was done could be undone; the result's `rollback` says what, `adw rollback RUN` tries again."""

    code = "RollbackIncomplete"


class DecisionRejected(WorkflowError):
    """Base of the typed answers to a decision that cannot count."""

    code = "DecisionRejected"


class InvalidDecision(DecisionRejected):
    """The decision's own fields are missing or of the wrong shape."""

    code = "InvalidDecision"


class UnknownStep(DecisionRejected):
    """The run has no step of that name, or it is not of the kind the call is for, or the name means several of its copies or rounds."""

    code = "UnknownStep"


class NotAnApprover(DecisionRejected):
    """The person is not among the step's `approvers`."""

    code = "NotAnApprover"


class SelfApproval(DecisionRejected):
    """Whoever started the run may not decide it unless `allow_self_approval` is true."""

    code = "SelfApproval"


class AlreadyDecided(DecisionRejected):
    """This person has decided already, or the step has its decision."""

    code = "AlreadyDecided"


class DigestMismatch(DecisionRejected):
    """The decision was made for another definition, step or subject."""

    code = "DigestMismatch"


class InvalidForm(DecisionRejected):
    """The answer does not fit the approval's `form` schema."""

    code = "InvalidForm"


class TooLate(DecisionRejected):
    """The step no longer waits: its deadline passed or the run is ending."""

    code = "TooLate"


class NotAskedYet(DecisionRejected):
    """The step does not ask now, and which asking the decision is for cannot be known; decide when it asks."""

    code = "NotAskedYet"


class UnverifiedIdentity(DecisionRejected):
    """Who decides, or who started the run, is not signed as `identity: signed` wants it; the sentence says what is missing."""

    code = "UnverifiedIdentity"


class DecisionIdReused(DecisionRejected):
    """The `decision_id` belongs to another decision of this run; give a new one."""

    code = "DecisionIdReused"


class EventRefused(WorkflowError):
    """An event that the run cannot keep; the sentence says why."""

    code = "EventRefused"


class OperationRefused(WorkflowError):
    """An operator's pause, resume, retry or skip does not fit the run's state; the sentence says what does."""

    code = "OperationRefused"
