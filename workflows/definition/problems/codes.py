"""Stable codes of the problems that `check` reports."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """What kind of problem it is. Values never change between releases; new ones may be added."""

    # The text.
    UNREADABLE = "unreadable"
    SYNTAX = "syntax"
    DUPLICATE_KEY = "duplicate_key"
    UNSUPPORTED_YAML = "unsupported_yaml"
    NOT_FINITE = "not_finite"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    # One field.
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    WRONG_VALUE = "wrong_value"
    MEANINGLESS_FIELD = "meaningless_field"
    INVALID_SCHEMA = "invalid_schema"
    # Steps and edges.
    EMPTY_WORKFLOW = "empty_workflow"
    TOO_MANY_STEPS = "too_many_steps"
    DUPLICATE_ID = "duplicate_id"
    UNKNOWN_STEP = "unknown_step"
    OTHER_GRAPH = "other_graph"
    CYCLE = "cycle"
    UNREACHABLE_STEP = "unreachable_step"
    ERROR_HANDLER = "error_handler"
    DEFAULT_CONDITION = "default_condition"
    NOT_UPSTREAM = "not_upstream"
    NO_EFFECT = "no_effect"
    SHARED_DEPENDENCY = "shared_dependency"
    ENDLESS_LOOP = "endless_loop"
    # Policies.
    QUORUM_UNREACHABLE = "quorum_unreachable"
    NO_DEADLINE = "no_deadline"
    TIMEOUT_RELATION = "timeout_relation"
    RETRY_DELAY_FALLBACK = "retry_delay_fallback"
    UNKNOWN_ERROR_TYPE = "unknown_error_type"
    LOCAL_EXECUTION = "local_execution"
    LOCK_LIMIT = "lock_limit"
    LOCK_DEADLOCK = "lock_deadlock"
    # Expressions.
    BAD_EXPRESSION = "bad_expression"
    CONSTANT_ARITHMETIC = "constant_arithmetic"
    INVALID_TARGET = "invalid_target"
    UNKNOWN_STEP_FIELD = "unknown_step_field"
    UNKNOWN_OUTPUT_FIELD = "unknown_output_field"
    ABSENT_OUTPUT = "absent_output"
    UNKNOWN_RESULT = "unknown_result"
    UNKNOWN_INPUT_FIELD = "unknown_input_field"
    UNKNOWN_RUN_FIELD = "unknown_run_field"
    UNKNOWN_PROGRESS_FIELD = "unknown_progress_field"
    UNKNOWN_VARIABLE = "unknown_variable"
    # Actions and other definitions.
    UNKNOWN_ACTION = "unknown_action"
    WRONG_QUEUE = "wrong_queue"
    MISSING_PARAMETER = "missing_parameter"
    UNKNOWN_PARAMETER = "unknown_parameter"
    WRONG_PARAMETER = "wrong_parameter"
    UNKNOWN_WORKFLOW = "unknown_workflow"
    UNKNOWN_GRAPH = "unknown_graph"
    UNKNOWN_SERVER = "unknown_server"
    WRONG_VERSION = "wrong_version"
    RESERVED_NAME = "reserved_name"
    # The release and the folder.
    NOT_SUPPORTED_YET = "not_supported_yet"
    DUPLICATE_WORKFLOW = "duplicate_workflow"
    MISLEADING_NAME = "misleading_name"
