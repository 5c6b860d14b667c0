"""Links into the Temporal Web UI."""

from __future__ import annotations

from urllib.parse import quote


def web_ui_url(address: str, namespace: str, id: str, run_id: str | None = None) -> str:
    """Link to a run in the Temporal Web UI at `address` (`http://127.0.0.1:8233`)."""
    place = f"{address.rstrip('/')}/namespaces/{quote(namespace, safe='')}/workflows/{quote(id, safe='')}"
    return f"{place}/{quote(run_id, safe='')}/timeline" if run_id else place
