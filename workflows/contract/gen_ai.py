"""Names of the OpenTelemetry conventions for generative AI, which are in development: all that this project uses of them is here.

Metrics are named as Prometheus writes them, and so are their labels: `label` makes one of an attribute.
"""

from __future__ import annotations

MODEL_TOKENS = "gen_ai_client_token_usage"
MODEL_SECONDS = "gen_ai_client_operation_duration"
MODEL_FIRST_SECONDS = "gen_ai_client_operation_time_to_first_chunk"
AGENT_SECONDS = "gen_ai_invoke_agent_duration"
TOOL_SECONDS = "gen_ai_execute_tool_duration"
RUN_WITH_AGENTS_SECONDS = "gen_ai_workflow_duration"

OPERATION = "gen_ai.operation.name"
CHAT = "chat"
INVOKE_AGENT = "invoke_agent"
EXECUTE_TOOL = "execute_tool"

PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST = "gen_ai.request."
"""What stands before the name of a setting."""
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
KIND_OF_TOKENS = "gen_ai.token.type"
AGENT_NAME = "gen_ai.agent.name"
AGENT_ID = "gen_ai.agent.id"
CONVERSATION = "gen_ai.conversation.id"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL = "gen_ai.tool.call.id"
TOOL_TYPE = "gen_ai.tool.type"
WORKFLOW_NAME = "gen_ai.workflow.name"
ERROR = "error.type"

INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"

TURN = "adw.agent.turn"
"""Not of the conventions."""


def label(attribute: str) -> str:
    """The name of an attribute as a label of a metric."""
    return attribute.replace(".", "_")


def conversation_id(execution_id: str, agent: str) -> str:
    """What tells the conversation of an agent from all others; `agent` is its path."""
    return f"{execution_id}:{agent}"
