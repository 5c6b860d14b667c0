from __future__ import annotations

from pathlib import Path

from advanced_workflow.client.settings import load_settings
from advanced_workflow.client.shown_names import name_of

STEPS = "steps: [{step_id: a, step_type: wait, wait: {seconds: 1}}]\n"


def test_a_definition_that_is_here_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "a-broken.yaml").write_text("workflow_id: pay\nsteps: {", encoding="ascii")
    good = tmp_path / "good"
    good.mkdir()
    (good / "pay.yaml").write_text(f"workflow_id: pay\nname: Pay an invoice\n{STEPS}", encoding="ascii")
    (good / "bare.yaml").write_text(f"workflow_id: bare\n{STEPS}", encoding="ascii")
    settings = load_settings(definitions=f"{tmp_path / 'none'}:{good}")

    assert name_of("pay", settings) == "Pay an invoice"
    assert name_of("bare", settings) == "bare"
    assert name_of("else", settings) is None
    assert name_of("pay", load_settings(definitions=str(tmp_path))) is None
