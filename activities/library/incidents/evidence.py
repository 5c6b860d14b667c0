"""What an investigation may look at; nothing here changes anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.library.incidents.services import errors_of, services, version_of
from advanced_workflow.activities.library.namespaces import incidents

RUNBOOKS = Path(__file__).with_name("runbooks")


class Point(BaseModel):
    """A measurement."""

    at: str
    error_percent: float


class Metrics(BaseModel):
    """How many requests of a service fail: some measurements, and now."""

    points: list[Point]
    now: float


class Deploy(BaseModel):
    """A version and when it was deployed first."""

    version: str
    at: str


class Deploys(BaseModel):
    """What was deployed, newest first, and what can be switched in the running version."""

    running: str
    deploys: list[Deploy]
    features: list[str]


class LogLines(BaseModel):
    """Lines of a log, oldest first."""

    lines: list[str]


class Runbook(BaseModel):
    """What the people who run a service wrote down for such a day."""

    text: str


@incidents.action
def read_metrics(service: str) -> Metrics:
    """Read how many percent of the service's requests failed in the last hour, and fail now."""
    with services() as db:
        now = errors_of(db, service)
        query = "SELECT at, error_percent FROM metrics WHERE service = ? ORDER BY at"
        points = [Point.model_validate(dict(row)) for row in db.execute(query, (service,))]
    return Metrics(points=points, now=now)


@incidents.action
def list_deploys(service: str) -> Deploys:
    """List the versions of the service that were deployed, newest first, and the features that are switched on."""
    with services() as db:
        running = version_of(db, service)
        query = "SELECT version, at FROM deploys WHERE service = ? ORDER BY at DESC"
        deploys = [Deploy.model_validate(dict(row)) for row in db.execute(query, (service,))]
        query = "SELECT feature FROM features WHERE service = ? AND enabled = 1 AND version = ? ORDER BY feature"
        features = [row["feature"] for row in db.execute(query, (service, running))]
    return Deploys(running=running, deploys=deploys, features=features)


@incidents.action
def search_log(service: str, text: Annotated[str, Field(min_length=1, max_length=100)]) -> LogLines:
    """Find lines of the service's log that contain a text."""
    with services() as db:
        version_of(db, service)
        query = "SELECT at, line FROM log_lines WHERE service = ? AND instr(line, ?) ORDER BY at LIMIT 50"
        return LogLines(lines=[f"{row['at']} {row['line']}" for row in db.execute(query, (service, text))])


@incidents.action
def read_runbook(service: str) -> Runbook:
    """Read what the people who run the service advise."""
    with services() as db:
        version_of(db, service)  # Only names of services make paths.
    path = RUNBOOKS / f"{service}.md"
    return Runbook(text=path.read_text(encoding="utf-8") if path.is_file() else "There is none.")
