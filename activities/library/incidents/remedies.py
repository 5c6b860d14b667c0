"""What may be done to a service, how it is undone, and whether it helped."""

from __future__ import annotations

import sqlite3

from pydantic import BaseModel

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.incidents.services import build, errors_of, services, version_of
from advanced_workflow.activities.library.ledger import Data, take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import incidents
from advanced_workflow.workflows.contract import UndoInput

DEPLOY = "deploy"
SWITCH = "feature_switch"
HEALTHY = 1.0
"""Percent of requests that may fail."""


class Deployed(BaseModel):
    """A version in another one's place."""

    service: str
    version: str
    before: str


class Switched(BaseModel):
    """A feature that is off now; `before` says whether it was on."""

    service: str
    feature: str
    before: bool


class Recovery(BaseModel):
    """How a service is, and what this run has changed."""

    service: str
    error_percent: float
    healthy: bool
    changes: list[str]


class UnknownVersion(ActionError):
    """The service never ran this version."""

    def __init__(self, service: str, version: str) -> None:
        """Name both."""
        super().__init__(
            f"{service!r} was never deployed as {version!r}; list_deploys has its versions", retryable=False
        )


class UnknownFeature(ActionError):
    """The service has no such feature."""

    def __init__(self, service: str, feature: str) -> None:
        """Name both."""
        super().__init__(f"{service!r} has no feature {feature!r}; list_deploys has its features", retryable=False)


class StillFailing(ActionError):
    """The service has not recovered, yet."""

    def __init__(self, service: str, error_percent: float) -> None:
        """Say how bad it is."""
        super().__init__(f"{error_percent:g} % of the requests of {service!r} still fail")


@incidents.action
def deploy_version(service: str, version: str) -> Deployed:
    """Deploy a version that ran before. People must approve it."""

    def deploy(db: sqlite3.Connection) -> Data:
        build(db)
        before = version_of(db, service)
        if not db.execute("SELECT 1 FROM deploys WHERE service = ? AND version = ?", (service, version)).fetchone():
            raise UnknownVersion(service, version)
        _run_version(db, service, version)
        return Deployed(service=service, version=version, before=before).model_dump()

    return Deployed.model_validate(take_effect(DEPLOY, deploy))


@incidents.action
def restore_version(step: UndoInput) -> bool:
    """Deploy the version that ran before, unless somebody deployed yet another one; false where nothing was deployed."""

    def restore(db: sqlite3.Connection, data: Data) -> None:
        made = Deployed.model_validate(data)
        if version_of(db, made.service) == made.version:
            _run_version(db, made.service, made.before)

    return undo_effect(DEPLOY, step, restore)


@incidents.action
def switch_feature_off(service: str, feature: str) -> Switched:
    """Switch a feature of the running version off. People must approve it."""

    def switch(db: sqlite3.Connection) -> Data:
        build(db)
        query = "SELECT enabled FROM features WHERE service = ? AND feature = ?"
        found = db.execute(query, (service, feature)).fetchone()
        if found is None:
            raise UnknownFeature(service, feature)
        _switch(db, service, feature, enabled=False)
        return Switched(service=service, feature=feature, before=bool(found["enabled"])).model_dump()

    return Switched.model_validate(take_effect(SWITCH, switch))


@incidents.action
def restore_feature(step: UndoInput) -> bool:
    """Switch the feature back as it was; false where nothing was switched."""

    def restore(db: sqlite3.Connection, data: Data) -> None:
        made = Switched.model_validate(data)
        _switch(db, made.service, made.feature, enabled=made.before)

    return undo_effect(SWITCH, step, restore)


@incidents.action
def confirm_recovery(service: str) -> Recovery:
    """Measure the service; fail while it does not work although this run has changed something.

    What the run has changed the ledger says, not the one who changed it.
    """
    run = context.idempotency_key().rpartition(":")[0]
    with services() as db:
        errors = errors_of(db, service)
        query = """
            SELECT kind FROM effects WHERE state = 'done' AND kind IN (?, ?) AND instr(idempotency_key, ? || ':') = 1
            ORDER BY rowid
        """
        changes = [row["kind"] for row in db.execute(query, (DEPLOY, SWITCH, run))]
    healthy = errors <= HEALTHY
    if changes and not healthy:
        raise StillFailing(service, errors)
    return Recovery(service=service, error_percent=errors, healthy=healthy, changes=changes)


def _run_version(db: sqlite3.Connection, service: str, version: str) -> None:
    db.execute("UPDATE services SET version = ? WHERE name = ?", (version, service))


def _switch(db: sqlite3.Connection, service: str, feature: str, *, enabled: bool) -> None:
    db.execute("UPDATE features SET enabled = ? WHERE service = ? AND feature = ?", (int(enabled), service, feature))
