import pytest

from tasks.progress import speed


@pytest.mark.parametrize(
    ("rate", "unit", "said"),
    [(2.5, "steps", "2.5 steps/s"), (0.4, "steps", "2.5 s per step"), (0.025, "steps", "40 s per step")],
)
def test_a_slow_rate_is_told_in_seconds(rate: float, unit: str, said: str) -> None:
    assert speed(rate, unit) == said
