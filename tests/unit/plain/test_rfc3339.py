from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.plain.rfc3339 import exact_rfc3339, parse_rfc3339, rfc3339

ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours, minutes=30)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - hypothesis wants naive bounds


@given(MOMENTS)
def test_an_exact_time_is_read_back_as_it_was(moment: datetime) -> None:
    assert parse_rfc3339(exact_rfc3339(moment)) == moment


@given(MOMENTS)
def test_a_time_with_milliseconds_is_less_than_one_earlier(moment: datetime) -> None:
    assert timedelta(0) <= moment - parse_rfc3339(rfc3339(moment)) < timedelta(milliseconds=1)


@given(MOMENTS)
def test_texts_of_times_sort_as_the_times_do(moment: datetime) -> None:
    assert rfc3339(moment) < rfc3339(moment + timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("microseconds", "short", "exact"),
    [
        (0, "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00Z"),
        (500_000, "2026-01-31T12:00:00.500Z", "2026-01-31T12:00:00.500Z"),
        (500_001, "2026-01-31T12:00:00.500Z", "2026-01-31T12:00:00.500001Z"),
    ],
)
def test_both_forms_are_utc_and_differ_in_the_fraction(microseconds: int, short: str, exact: str) -> None:
    moment = datetime(2026, 1, 31, 14, microsecond=microseconds, tzinfo=timezone(timedelta(hours=2)))

    assert (rfc3339(moment), exact_rfc3339(moment)) == (short, exact)


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_rfc3339("2026-01-31T12:00:00") == datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "12:00"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Invalid isoformat string|month must be"):
        parse_rfc3339(text)
