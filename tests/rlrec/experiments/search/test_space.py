from pathlib import Path

import pytest
from searches import SPACE, plan_of

from rlrec.errors import ConfigError
from rlrec.experiments.search.space import FIXED, load_search
from rlrec.settings.config import Config, load_config

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("learner", load_config(ROOT / "params.yaml").learners)
def test_what_the_project_searches_can_be_trained_with_the_settings_it_has(learner: str) -> None:
    """Every learner of params.yaml has a space, and its own settings are a trial, or nearly."""
    base = load_config(ROOT / "params.yaml")
    plan = load_search(ROOT / "matrix" / "search.yaml", base, learner)
    assert len(plan.space) >= 5
    assert not set(FIXED) & plan.space.keys()
    assert plan.settings.steps <= 300_000
    outside = {name for name, value in plan.default.items() if value not in plan.space[name]}
    assert outside <= {"gamma", "entropy"}  # 0 is on no scale of orders of magnitude
    job = plan.job(plan.default, 7, plan.settings.steps)
    assert (job.learner.steps, job.training.agents, job.training.executor) == (plan.settings.steps, 1, "threads")


def test_a_learner_s_own_entry_prevails_and_adds_to_its_algorithm_s_space(tmp_path: Path) -> None:
    own = "learners: {{a3c: {{trials: 3, space: {{users: [4, 8], gamma: {{low: 0.1, high: 0.2}}}}}}}}\n"
    plan = plan_of(tmp_path, 9, SPACE + own)
    assert (plan.settings.trials, plan.settings.steps) == (3, 800)
    assert list(plan.space) == ["learning_rate", "gamma", "hidden", "network", "users"]
    assert plan.space["gamma"].high == 0.2


def test_numbers_have_three_digits_and_stay_within_their_range(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    drawn = {"learning_rate": 0.00123456, "gamma": 0.8999, "hidden": 12, "network": "recurrent"}
    assert plan.values(drawn) == {"learning_rate": 0.00123, "gamma": 0.9, "hidden": 12, "network": "recurrent"}


def test_values_that_settings_refuse_together_are_refused_when_a_trial_has_them(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path, text=SPACE + "    rollout: [10, 30]\n    observation: [history, thesis]\n    start: [belief, zero]\n"
    )
    plan.job({"rollout": 10}, 7)
    with pytest.raises(ConfigError, match=r"a trial of a3c.*rollout \(30\) must divide"):
        plan.job({"rollout": 30}, 7)
    with pytest.raises(ConfigError, match="start"):
        plan.job({"observation": "thesis", "start": "belief"}, 7)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("trials: 12", "trials: 0"), r"search\.yaml:\n  trials: .*is 0"),
        (("steps: 800", "steps: 300001"), r"steps: .*300000.*is 300001"),
        (("steps: 800", "stepps: 800"), r"stepps: "),
        (("high: 0.9", "high: 1.5"), r"spaces\.a3c\.gamma: must be a number from 0 to 1 .*; is 1\.5"),
        (("low: 0, high: 0.9", "low: 0.9, high: 0.2"), r"spaces\.a3c\.gamma: .*low below high"),
        (("low: 1e-4", "low: 0"), r"spaces\.a3c\.learning_rate: .*low above 0"),
        (
            ("[bilinear, recurrent]", "[bilinear, dense]"),
            r"spaces\.a3c\.network: must be bilinear or recurrent.*'dense'",
        ),
        (("[bilinear, recurrent]", "[bilinear]"), r"spaces\.a3c\.network\.choices: "),
        (("low: 8, high: 64", "low: 8.5, high: 64"), r"spaces\.a3c\.hidden: must be a whole number.*is 8\.5"),
        (("    gamma:", "    gama:"), r"spaces\.a3c\.gama: unknown setting; a3c has .*gamma"),
        (
            ("spaces:", "spaces:\n  ppo: {clip: [0.1, 2]}"),
            r"spaces\.ppo\.clip: must be a number above 0 and below 1.*is 2",
        ),
        (("    gamma:", "    steps:"), r"spaces\.a3c\.steps: it says what is compared"),
        (("  a3c:", "  a4c:"), r"spaces\.a4c: there is no such algorithm; there are a3c, "),
        (("  a3c:", "  a2c:"), r"nothing is searched for a3c: spaces has no 'a3c'"),
    ],
)
def test_a_wrong_value_is_told_by_its_path(tmp_path: Path, change: tuple[str, str], problem: str) -> None:
    text = SPACE.format(trials=12).replace(*change)
    (tmp_path / "search.yaml").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        load_search(tmp_path / "search.yaml", Config(), "a3c")


def test_nobody_s_settings_are_searched_but_those_of_a_learner_of_params_yaml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no learner 'a4c': learners has a3c"):
        plan_of(tmp_path, learner="a4c")
    with pytest.raises(ConfigError, match=r"learners\.a4c: params\.yaml has no such learner: a3c"):
        plan_of(tmp_path, text=SPACE + "learners: {{a4c: {{trials: 3}}}}\n")


@pytest.mark.parametrize("setting", ["reward: [seen, liked]", "slate_size: [5, 10]"])
def test_settings_that_change_what_a_return_is_are_not_searched(tmp_path: Path, setting: str) -> None:
    base = Config.model_validate({"learners": {"a3c": {"algorithm": "a3c", "learns_from": "logged"}}})
    text = f"spaces: {{{{logged a3c: {{{{{setting}}}}}}}}}\n"
    with pytest.raises(ConfigError, match=r"spaces\.logged a3c\.\w+: .* changes what a return is"):
        plan_of(tmp_path, text=text, base=base)
