"""Rules of a contest as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from solvent.errors import ConfigError
from solvent.service.contest_file import read_contest

GOOD = """
name = "Warm-up"
rules = "score"
duration = "30m"
freeze = 300
penalty = "20m"
points = 50

[points_for]
hard = 200

[[teams]]
name = "ada"
strategy = "single"
parameters = { temperature = 0.2 }

[[teams]]
name = "bob"
"""


def test_a_file_gives_rules_and_teams(tmp_path: Path) -> None:
    (tmp_path / "contest.toml").write_text(GOOD)

    contest = read_contest(str(tmp_path / "contest.toml"))

    assert (contest.duration_s, contest.freeze_s, contest.penalty_s) == (1800, 300, 1200)
    assert (contest.rules, contest.points, contest.points_for) == ("score", 50, {"hard": 200})
    assert [team.name for team in contest.teams] == ["ada", "bob"]
    assert contest.teams[0].parameters == {"temperature": 0.2}
    assert not contest.verified_only


def test_a_duration_is_a_contest_with_the_usual_rules() -> None:
    contest = read_contest("90s")

    assert (contest.duration_s, contest.rules, contest.penalty_s, contest.verified_only) == (90, "icpc", 1200, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("duration = 'soon'", "duration: 'soon' is no duration"),
        ("name = 'x'", "duration: Field required"),
        ("duration = 60\nfreeze = 61", "the freeze is longer than the contest"),
        ("duration = 60\nlenght = 2", "lenght: Extra inputs"),
        ("duration = 60\n[[teams]]\nname='a'\n[[teams]]\nname='a'", "two teams have one name"),
        ("duration = 60\n[[teams]]\nname='a'\nmodle='x'", "teams.0.modle"),
        ("duration = ", "cannot read the contest"),
    ],
)
def test_a_wrong_file_is_refused_and_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "contest.toml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message) as caught:
        read_contest(str(path))

    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_contest("nowhere.toml")
