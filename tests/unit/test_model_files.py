"""What the operator says of models is read when the worker starts; what is wrong is one sentence with its place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.endpoints import Endpoints
from advanced_workflow.activities.agents.files import ModelFileInvalid
from advanced_workflow.activities.agents.keys import Keys
from advanced_workflow.activities.agents.policy import ModelPolicy
from advanced_workflow.activities.agents.prices import Prices
from advanced_workflow.activities.agents.refusals import LONGEST_DELAY, kind_of, retry_after
from advanced_workflow.activities.agents.scripts import read_scripts, script_of
from advanced_workflow.client.serve.models import Models
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.contract import Usage
from tests.harness import ROOT
from tests.unit.model_calls import call, environment, failure, nobody

SAYS = {"a": script_of([{"say": "x"}]), "b": script_of([{"say": "x"}])}


def test_prices_are_those_of_the_longest_name_that_fits(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(
        "openai:gpt-5: {input: 1.25, output: 10, cached_input: 0.125}\n"
        "'openai:*': {input: 1, output: 1}\n'openai:gpt-5-*': {input: 2, output: 2}\n"
    )
    prices = Prices.read(file)
    usage = Usage(input_tokens=1_000_000, output_tokens=100_000, cached_tokens=400_000)

    assert prices.cost("openai:gpt-5", usage) == pytest.approx(0.6 * 1.25 + 0.4 * 0.125 + 1.0)
    assert prices.cost("openai:gpt-5-mini", usage) == pytest.approx(2.2)
    assert prices.cost("openai:other", usage) == pytest.approx(1.1)
    assert prices.cost("local:other", usage) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m: {input: -1, output: 1}", "m.input"),
        ("m: {input: 1}", "m.output: it is missing"),
        ("m: {input: .inf, output: 1}", "not a finite number"),
        ("m: {input: 1, output: 1, per: token}", "m.per: there is no such field"),
        ("m: [", "line"),
    ],
)
def test_a_price_table_that_is_none_is_told_by_its_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)

    with pytest.raises(ModelFileInvalid, match="ADW_MODEL_PRICES") as caught:
        Prices.read(file)
    assert says in str(caught.value)
    with pytest.raises(ModelFileInvalid, match=r"cannot be read.*Name a file of YAML or JSON"):
        Prices.read(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("local: {base_url: localhost}", "give http://HOST:PORT/PATH"),
        ("local: {base_url: 'http://user:pw@host'}", "give http://HOST:PORT/PATH"),
        ("local: {base_url: 'http://h', key: 'a b'}", "local.key"),
        ("local: {base_url: 'http://h', key: A, key_file: /k}", "both 'key' and 'key_file'"),
        ("'a:b': {base_url: 'http://h'}", "is not an endpoint's name"),
        ("scripted: {base_url: 'http://h'}", "and not 'scripted'"),
        ("local: {provider: openai}", "base_url: it is missing"),
    ],
)
def test_an_endpoint_that_is_none_is_told_by_its_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "endpoints.yaml"
    file.write_text(text)

    with pytest.raises(ModelFileInvalid, match="ADW_MODEL_ENDPOINTS") as caught:
        Endpoints.read(file)
    assert says in str(caught.value)


async def test_only_the_models_of_the_settings_are_called_and_fewer_by_runs_that_bring_their_definition() -> None:
    policy = ModelPolicy(("scripted:*",), ("scripted:a",))
    calls = ModelCalls(scripts=SAYS, policy=policy, ask=nobody)

    assert (await call(calls, "scripted:b")).message["content"] == "x"
    error = await failure(calls, "openai:gpt-5")
    assert (error.type, error.non_retryable) == ("ModelUnknown", True)
    assert "is not in ADW_MODELS of this worker" in error.message
    ad_hoc = environment(workflow_type="AdvancedWorkflow")
    assert (await call(calls, "scripted:a", env=ad_hoc)).message["content"] == "x"
    error = await failure(calls, "scripted:b", env=environment(workflow_type="AdvancedWorkflow"))
    assert "ADW_AD_HOC_MODELS" in error.message


def test_the_settings_are_what_the_worker_knows_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "endpoints.yaml").write_text("local: {base_url: 'http://127.0.0.1:8000/v1/', key: GPU}")
    (tmp_path / "prices.json").write_text('{"local:m": {"input": 1, "output": 2}}')
    (tmp_path / "triage.yaml").write_text("- say: Hello.\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "triage.yaml").rename(tmp_path / "scripts" / "triage.yaml")
    monkeypatch.setenv("ADW_MODEL_ENDPOINTS", str(tmp_path / "endpoints.yaml"))
    monkeypatch.setenv("ADW_MODEL_PRICES", str(tmp_path / "prices.json"))
    monkeypatch.setenv("ADW_MODEL_SCRIPTS", str(tmp_path / "scripts"))
    monkeypatch.setenv("ADW_MODELS", "local:*, scripted:triage")

    models = Models.load(Settings())

    assert models.endpoints.find("local:m:8b").model == "m:8b"
    assert models.secrets == {"GPU"}
    assert models.prices.of("local:m") is not None
    assert list(models.scripts) == ["triage"]
    assert models.policy == ModelPolicy(("local:*", "scripted:triage"), None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "1e300"}, LONGEST_DELAY.total_seconds()),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({}, None),
    ],
)
def test_how_long_a_provider_wants_to_be_left_alone(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == (None if seconds is None else timedelta(seconds=seconds))


def test_a_date_in_retry_after_is_as_long_as_until_then() -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    delay = retry_after({"retry-after": moment})

    assert delay is not None
    assert timedelta(seconds=50) < delay <= timedelta(seconds=60)


class Refused(Exception):
    def __init__(self, status: int, text: str, body: object = None) -> None:
        super().__init__(text)
        self.status_code = status
        self.body = body


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refused(400, "prompt is too long: 210000 tokens > 200000 maximum"), "ContextTooLong"),
        (Refused(413, "Request too large"), "ContextTooLong"),
        (Refused(400, "x", {"error": {"code": "context_length_exceeded"}}), "ContextTooLong"),
        (Refused(400, "Your credit balance is too low"), "ModelQuotaExceeded"),
        (Refused(402, "pay"), "ModelQuotaExceeded"),
        (Refused(529, "Overloaded"), "ModelUnavailable"),
        (Refused(418, "teapot"), "ModelRequestRefused"),
        (Refused(200, "strange"), "ModelAnswerInvalid"),
        (ConnectionResetError("x"), "ModelUnavailable"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "x"), "ModelAnswerInvalid"),
        (KeyError("choices"), "ModelAnswerInvalid"),
        (Exception("anything"), "ModelUnavailable"),
    ],
)
def test_errors_of_all_libraries_mean_few_things(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


async def test_keys_of_the_environment_are_hidden_too_and_short_values_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-some-long-key")
    monkeypatch.setenv("OTHER_TOKEN", "abc")
    keys = Keys(Endpoints().find("openai:m"), None)

    assert keys.hide("abc sk-some-long-key") == "abc {{key}}"
    assert await keys.hide_in({"a": ["x sk-some-long-key y"]}) == {"a": ["x {{key}} y"]}
    assert Keys(None, None).hide("sk-some-long-key") == "sk-some-long-key"


def test_the_examples_of_the_manual_are_files_of_models(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n# models/(\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for name, text in blocks:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    assert Endpoints.read(tmp_path / "endpoints.yaml").by_name["gpu"].key == "GPU"
    assert Prices.read(tmp_path / "prices.yaml").of("gpu:any") is not None
    assert [*read_scripts([tmp_path / "scripts"])] == ["triage"]
