from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.plain.cache import WeighedCache


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), max_size=200))
def test_what_is_kept_weighs_no_more_than_allowed_and_is_what_was_put_in(puts: list[tuple[int, int]]) -> None:
    cache = WeighedCache[int, str](100)
    for key, weight in puts:
        value = cache.get(key) or cache.keep(key, f"{key}", weight)
        assert value == cache.get(key) == f"{key}"
        kept = {**cache._old, **cache._young}
        assert sum(one for _, one in kept.values()) <= 100


def test_what_is_used_stays_and_what_is_not_goes() -> None:
    cache = WeighedCache[str, object](10)
    used = cache.keep("used", object(), 1)
    cache.keep("unused", object(), 1)
    for number in range(100):
        cache.keep(f"n{number}", object(), 1)
        assert cache.get("used") is used

    assert cache.get("unused") is None
    assert len(cache) <= 10
    cache.clear()
    assert cache.get("used") is None


def test_one_that_is_heavier_than_all_is_kept_alone() -> None:
    cache = WeighedCache[str, str](10)
    cache.keep("a", "a", 3)
    cache.keep("heavy", "heavy", 100)
    assert cache.get("heavy") == "heavy"
    cache.keep("b", "b", 1)
    cache.keep("c", "c", 5)
    assert cache.get("a") is None
