import click
import pytest

from solvent.service.cli.budget import parse_budget
from solvent.usage import Budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("", Budget()),
        ("tokens=20k,time=90s", Budget(tokens=20_000, deadline_s=90)),
        ("tokens=1.5m, calls=3", Budget(tokens=1_500_000, model_calls=3)),
        ("time=10m,sandbox=2h", Budget(deadline_s=600, sandbox_cpu_s=7200)),
        ("completion=7,trajectories=2,cost=0.25", Budget(completion_tokens=7, trajectories=2, cost=0.25)),
    ],
)
def test_amounts(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tokens", "NAME=AMOUNT"),
        ("coins=3", "tokens, completion, calls"),
        ("tokens=-5", "no amount"),
        ("tokens=ten", "no amount"),
        ("tokens=0.5", "tokens"),
        ("time=5d", "no duration"),
        ("time=0", "deadline_s"),
        ("tokens=1,tokens=2", "given twice"),
    ],
)
def test_wrong_amounts_say_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(click.BadParameter, match=told):
        parse_budget(text)
