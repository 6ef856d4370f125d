"""REINFORCE and PPO: update rules, what counts as an episode, and that a resume changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

import regnas
from regnas.design_space import Params, Space, make_space
from regnas.errors import UsageError
from regnas.images import Images
from regnas.sampler import Feedback, Origin
from regnas.strategies.models.controller import Controller
from regnas.strategies.models.decisions import Bools, Decisions, Tokens
from regnas.strategies.models.policies import Policy, RecurrentPolicy, SoftmaxPolicy
from regnas.strategies.models.policy_gradient import Baseline, lowest, ppo_loss, reinforce_loss, reward
from regnas.strategies.sampling.feasible import FeasibleSampler
from regnas.strategy import make_strategy
from regnas.testing import DistributionSpace
from regnas.testing.toy import conditional_toy
from regnas.window import Window

pytestmark = pytest.mark.usefixtures("quiet_optuna")

# Rows that two implementations agree on; their notes say what they are.
VECTORS = json.loads((Path(__file__).parents[1] / "data" / "controller-vectors.json").read_text())
LETTERS = tuple("abcd")
LAWS: dict[str, BaseDistribution] = {name: CategoricalDistribution(LETTERS) for name in ("one", "two", "three")}
TOY: Space = DistributionSpace.of(LAWS)
SPECS = ("reinforce", "reinforce[paper=nas-rl,batch=2]", "ppo[batch=4]")


def _error(point: Params) -> float:
    """0.1 for three a's, and 0.2 more for each other letter."""
    return 0.7 - 0.2 * list(point.values()).count("a")


def _inner(spec: str, space: Space = TOY, seed: int = 0) -> Controller:
    sampler = make_strategy(spec, space, seed=seed)
    assert isinstance(sampler, FeasibleSampler) and isinstance(sampler.inner, Controller)
    return sampler.inner


def _weights(controller: Controller) -> list[torch.Tensor]:
    assert controller.policy is not None
    return [weight.detach().clone() for weight in controller.policy.parameters()]


def _alike(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(mine, theirs) for mine, theirs in zip(one, other, strict=True))


def _of_logits(logits: list[float]) -> SoftmaxPolicy:
    policy = SoftmaxPolicy([len(logits)], generator=torch.Generator())
    policy.double()
    policy.theta.data = torch.tensor([logits], dtype=torch.float64)
    return policy


# --- update rules ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", VECTORS["reinforce"]["rows"])
def test_reinforce_has_the_gradient_of_the_vectors(row: dict[str, Any]) -> None:
    policy = _of_logits(row["logits"])
    log_probs, entropies = policy.judged(torch.tensor([[row["action"]]]))
    loss = reinforce_loss(log_probs, torch.tensor([row["reward"] - row["baseline"]], dtype=torch.float64))
    (gradient,) = torch.autograd.grad(loss, policy.theta, retain_graph=True)
    (of_entropy,) = torch.autograd.grad(entropies.sum(), policy.theta)
    found = [log_probs.item(), loss.item(), entropies.item(), *gradient[0].tolist(), *of_entropy[0].tolist()]
    wanted = [row["log_prob"], row["loss"], row["entropy"], *row["gradient"], *row["entropy_gradient"]]
    assert found == pytest.approx(wanted, rel=1e-8, abs=1e-10)  # 10 printed digits


@pytest.mark.parametrize("row", VECTORS["ppo"]["rows"])
def test_ppo_has_the_clipped_gradient_of_the_vectors(row: dict[str, Any]) -> None:
    policy = _of_logits(row["logits"])
    log_probs, _ = policy.judged(torch.tensor([[row["action"]]]))
    old, advantage = (torch.tensor(row[name], dtype=torch.float64) for name in ("old_log_prob", "advantage"))
    loss = ppo_loss(log_probs, old.view(1, 1), advantage.view(1), row["clip"])
    (gradient,) = torch.autograd.grad(loss, policy.theta)
    assert -loss.item() == pytest.approx(row["surrogate"], rel=1e-8)
    assert gradient[0].tolist() == pytest.approx(row["gradient"], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("row", VECTORS["baselines"]["rows"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("earlier", "previous_only_first_is_reward"),
        ("corrected", "nats_bias_corrected_updated_before_use"),
        ("from-zero", "enas_updated_before_use_from_zero"),
    ],
)
def test_baselines_are_those_of_the_vectors(row: dict[str, Any], kind: str, name: str) -> None:
    baseline = Baseline(kind, row["decay"])
    found = [baseline.advantage(reward) for reward in row["rewards"]]
    assert found == pytest.approx([advantage for _, advantage in row[name]], rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("row", VECTORS["nas_rl_reward"]["rows"])
def test_the_reward_of_nas_rl_is_the_cube_of_the_best_of_five_epochs(row: dict[str, Any]) -> None:
    errors = [1 - accuracy for accuracy in row["validation_accuracies"]]
    assert reward(lowest(errors[-1], errors, 5), 3.0) == pytest.approx(row["reward"], abs=1e-9)


def test_an_objective_that_is_no_error_is_the_reward_itself() -> None:
    assert lowest(0.5, (0.3, 0.2, 0.4), 3) == 0.5 and lowest(0.5, (), 5) == 0.5 and lowest(0.4, (0.2, 0.4), 1) == 0.4


def test_the_best_of_the_last_epochs_is_learned_from() -> None:
    """Errors of 0.4 after 0.1 teach as much as one of 0.1 does, and more is not looked back."""
    controllers = [_inner(f"reinforce[last={last}]") for last in (2, 2, 1)]
    for one, errors in zip(controllers, ((0.0, 0.1, 0.4), (0.1, 0.1), (0.0, 0.1, 0.4)), strict=True):
        _told(one, B, 0.6)
        _told(one, A, errors[-1], errors=errors)
    same, weights, other = map(_weights, controllers)
    assert _alike(same, weights) and not _alike(same, other)


def test_a_reward_is_a_power_of_the_accuracy() -> None:
    assert reward(0.1, 3.0) == pytest.approx(0.729) and reward(1.0, 3.0) == 0.0


# --- policies -------------------------------------------------------------------------------------------------


def _policies(sizes: tuple[int, ...]) -> list[Policy]:
    generator = torch.Generator().manual_seed(1)
    lstm = RecurrentPolicy(sizes, layers=2, units=7, start=1.0, generator=generator)
    return [SoftmaxPolicy(sizes, generator=generator), lstm]


@pytest.mark.parametrize("policy", _policies((3, 2, 6)), ids=lambda policy: type(policy).__name__)
def test_what_is_drawn_has_the_log_probability_that_is_learned_from(policy: Policy) -> None:
    uniforms = np.random.default_rng(0).random((50, 3))
    tokens, chances = policy.draw(uniforms, lambda rows, place: np.ones(len(rows), dtype=np.bool_), (0, 0, 0))
    assert (tokens < np.array(policy.sizes)).all()
    assert np.allclose(policy.judged(torch.from_numpy(tokens))[0].detach().numpy(), chances, atol=1e-5)


@pytest.mark.parametrize("policy", _policies((3, 2)), ids=lambda policy: type(policy).__name__)
def test_rows_are_drawn_as_often_as_the_policy_says(policy: Policy) -> None:
    """On a grid of 100 x 100 uniforms, every row of tokens as often as its probability, to one line of the grid."""
    grid = (np.arange(100) + 0.5) / 100
    uniforms = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    tokens, chances = policy.draw(uniforms, lambda rows, place: np.ones(len(rows), dtype=np.bool_), (0, 0))
    for row in np.unique(tokens, axis=0):
        same = (tokens == row).all(axis=1)
        assert same.mean() == pytest.approx(np.exp(chances[same][0].sum()), abs=0.02)


def test_a_softmax_draws_all_decisions_at_once_what_it_draws_in_turn() -> None:
    """The second decision is taken after token 0 or 1 of the first alone."""
    policy = _policies((3, 2, 6))[0]

    def take(rows: Tokens, place: int) -> Bools:
        taken: Bools = rows[:, 0] < 2 if place == 1 else np.ones(len(rows), dtype=np.bool_)
        return taken

    uniforms = np.random.default_rng(0).random((200, 3))
    at_once, in_turn = policy.draw(uniforms, take, (0, 1, 0)), Policy.draw(policy, uniforms, take, (0, 1, 0))
    assert np.array_equal(at_once[0], in_turn[0]) and np.array_equal(at_once[1], in_turn[1])
    assert set(at_once[0][at_once[0][:, 0] == 2, 1]) == {1}


def test_a_recurrent_policy_knows_the_tokens_before_and_not_those_after() -> None:
    _, policy = _policies((3, 3, 3))
    with torch.no_grad():
        one, other = (policy.log_laws(torch.tensor([row]))[0] for row in ([0, 1, 0], [0, 2, 2]))
    assert torch.equal(one[:2], other[:2]) and not torch.allclose(one[2], other[2])


# --- decisions ------------------------------------------------------------------------------------------------


def test_a_point_and_its_tokens_are_one_thing() -> None:
    decisions = Decisions(TOY, 16)
    tokens, taken = decisions.tokens({"one": "c", "two": "a", "three": "d"})
    assert tokens.tolist() == [2, 0, 3] and taken.all()
    assert decisions.point(tokens) == {"one": "c", "two": "a", "three": "d"}


def test_a_real_parameter_is_chosen_among_quantiles_and_others_are_taken_for_the_nearest() -> None:
    laws: dict[str, BaseDistribution] = {"real": FloatDistribution(0.0, 1.0), "whole": IntDistribution(1, 3)}
    decisions = Decisions(DistributionSpace.of(laws), 4)
    assert decisions.sizes == (4, 3)
    assert decisions.tokens({"real": 0.61, "whole": 3})[0].tolist() == [2, 2]  # of .125, .375, .625, .875


def test_what_is_inactive_is_no_decision() -> None:
    space = conditional_toy()
    decisions = Decisions(space, 4)
    assert decisions.names.index("depth") < decisions.names.index("end")
    for candidate in space.sample(20, seed=0):
        tokens, taken = decisions.tokens(candidate.params)
        active = space.active(candidate.params)
        assert {name for name, one in zip(decisions.names, taken, strict=True) if one} == set(decisions.names) & set(
            active
        )
        rows = tokens[None]
        assert [bool(decisions.to_take(rows, place)[0]) for place in range(len(tokens))] == taken.tolist()


@pytest.mark.parametrize(
    "space", ["chain[layers=3:6]", "chain[layers=4]", "mnasnet", "mnasnet[op=mb3]", "growing:anynetx-a"]
)
def test_many_rows_are_asked_as_one_point_is(space: str) -> None:
    """`Hierarchy.active` of all that was decided before says what is to be taken, tied and fixed parents included."""
    given = regnas.space(space)
    decisions = Decisions(given, 8)
    tokens = np.random.default_rng(0).integers(0, decisions.sizes, (12, len(decisions.sizes)))
    values = [given.free[name].levels(8) for name in decisions.names]
    for place, name in enumerate(decisions.names):
        rows = [{decisions.names[at]: values[at][row[at]] for at in range(place)} for row in tokens]
        told = [name not in given.conditions or name in given.hierarchy.active(row) for row in rows]
        assert decisions.to_take(tokens, place).tolist() == told


# --- episodes -------------------------------------------------------------------------------------------------


def _told(controller: Controller, point: Params, error: float | None, **changes: Any) -> None:
    tokens = Decisions(TOY, 16).tokens(point)[0].tolist()
    record = {"tokens": tokens, "log_probs": [-1.4, -1.4, -1.4], "repeats": []}
    given: dict[str, Any] = {"number": 0, "params": point, "error": error, "origin": Origin.OWN, "record": record}
    controller.hear(Feedback(**{**given, **changes}))


A, B = {"one": "a", "two": "a", "three": "a"}, {"one": "b", "two": "c", "three": "d"}


@pytest.mark.parametrize("spec", ["reinforce", "reinforce[controller=lstm,rate=0.01]", "ppo[batch=2]"])
def test_a_good_network_becomes_likelier_than_a_poor_one(spec: str) -> None:
    controller = _inner(spec)
    rows = torch.from_numpy(np.stack([controller.decisions.tokens(one)[0] for one in (A, B)]))
    assert controller.policy is not None
    before = controller.policy.judged(rows)[0].sum(1)
    for _ in range(10):
        _told(controller, B, 0.9)
        _told(controller, A, 0.1)
    after = controller.policy.judged(rows)[0].sum(1)
    assert (after - before)[0] > 0 and (after - before)[0] > (after - before)[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"error": None},
        {"error": 0.3, "pruned": True},
        {"error": 0.3, "origin": Origin.STREAM, "record": None},
        {"error": 0.3, "origin": Origin.GIVEN, "record": None},
        {"error": 0.3, "origin": Origin.REPEAT},
    ],
    ids=["failed", "pruned", "of the stream", "given", "instead of a repeat"],
)
def test_what_the_policy_did_not_choose_or_what_did_not_end_is_no_episode(changes: dict[str, Any]) -> None:
    controller = _inner("reinforce")
    _told(controller, B, 0.6)  # so that the next reward is not its own baseline
    before = _weights(controller)
    _told(controller, A, **changes)
    assert _alike(before, _weights(controller))
    _told(controller, A, 0.3)
    assert not _alike(before, _weights(controller))


def test_what_stands_for_a_proposal_is_learned_from_as_what_it_is() -> None:
    """The proposal was three b's, and three a's were trained."""
    controller, same = _inner("reinforce"), _inner("reinforce")
    other = {"tokens": [1, 1, 1], "log_probs": [-9.0, -9.0, -9.0], "repeats": []}
    for one, changes in ((controller, {"origin": Origin.NEAREST, "record": other}), (same, {})):
        _told(one, B, 0.6)
        _told(one, A, 0.1, **changes)
    assert _alike(_weights(controller), _weights(same))


def test_a_repeat_is_an_episode_with_the_reward_on_record_and_no_trial() -> None:
    controller, told_twice = _inner("reinforce"), _inner("reinforce")
    _told(controller, A, 0.1)
    repeats = {"tokens": [1, 2, 3], "log_probs": [-1.4] * 3, "repeats": [[0, 0, 0], [0, 0, 0]]}
    _told(controller, B, 0.6, record=repeats)
    for point, error in ((A, 0.1), (A, 0.1), (A, 0.1), (B, 0.6)):
        _told(told_twice, point, error)
    assert _alike(_weights(controller), _weights(told_twice))


@pytest.mark.parametrize("spec", ["reinforce[bins=8]", "ppo[bins=8]"])
def test_it_says_which_parameters_it_chose_among_quantiles_of(spec: str) -> None:
    laws: dict[str, BaseDistribution] = {"real": FloatDistribution(0.0, 1.0), "whole": IntDistribution(1, 8)}
    study = optuna.create_study()
    (line,) = [one for one in _inner(spec, DistributionSpace.of(laws)).remarks(study) if "quantiles" in one]
    assert line.endswith("bins=8 says: real") and "among 8 quantiles" in line
    assert not [one for one in _inner(spec).remarks(study) if "quantiles" in one]


# --- whole searches -------------------------------------------------------------------------------------------


def _run(
    spec: str, counts: list[int], space: Space = TOY, error: Callable[[Params], float] = _error, seed: int = 3
) -> list[Params]:
    """The networks of a study that is left and opened again after each of the counts."""
    storage, points = optuna.storages.InMemoryStorage(), []
    for count in counts:
        sampler = make_strategy(spec, space, seed=seed)
        study = optuna.create_study(storage=storage, sampler=sampler, study_name="s", load_if_exists=True)
        for _ in range(count):
            trial = study.ask(space.distributions)
            point = space.canonical(trial.params)
            points.append(point)
            failed = len(points) % 7 == 0
            study.tell(trial, None if failed else error(point), state=TrialState.FAIL if failed else None)
    return points


@pytest.mark.parametrize("spec", SPECS)
def test_a_search_that_was_left_and_resumed_is_the_one_that_was_not(spec: str) -> None:
    assert _run(spec, [13, 5, 12]) == _run(spec, [30])


GROWING = make_space("chain[layers=2:6,strides=1]").on(Images(16, 10)).within(Window.parse(flops=":60M"))
GROWTH = "grow=4,batch=2,controller=softmax"


def _grown(spec: str, counts: list[int]) -> list[Params]:
    return _run(spec, counts, GROWING, lambda point: 0.5 - 0.01 * point["filter_height_1"])


@pytest.mark.parametrize("spec", [f"reinforce[{GROWTH},by=2]", f"ppo[{GROWTH},by=2]"])
def test_networks_grow_by_the_schedule_whatever_is_left_and_resumed(spec: str) -> None:
    """Two layers more for every four candidates, failures included, as in NAS-RL; all inside the window, none twice."""
    points = _grown(spec, [3, 4, 7])
    assert points == _grown(spec, [14])
    assert [point["layers"] for point in points] == [2] * 4 + [4] * 4 + [6] * 6
    candidates = [GROWING.judge(point) for point in points]
    assert len({one.architecture.key() for one in candidates if one is not None}) == 14


def test_the_size_that_a_schedule_says_is_not_learned() -> None:
    """What the controller would choose stays as it began, and the first layer's kernel does not."""
    inner = _inner("reinforce[grow=2]", GROWING)
    before = _weights(inner)[0]
    for candidate in GROWING.derive({"layers": "2"}).sample(3):
        inner.hear(
            Feedback(
                number=0, params=candidate.params, error=0.1 * candidate.params["filters_1"] / 64, origin=Origin.OWN
            )
        )
    moved = (_weights(inner)[0] != before).any(dim=1)
    names = dict(zip(inner.decisions.names, moved.tolist(), strict=True))
    assert names["filters_1"] and names["skip_1_2"] and not names["layers"] and not names["filters_3"]


def test_a_search_says_how_far_networks_grew() -> None:
    study = optuna.create_study(sampler=make_strategy("reinforce[grow=3]", GROWING, seed=0))
    for _ in range(4):
        study.tell(study.ask(GROWING.distributions), 0.5)
    sampler = study.sampler
    assert isinstance(sampler, FeasibleSampler)
    *_, said = sampler.remarks(study)
    assert said == "controller: layers grew from 2 to 4, by the schedule; it is 6 from candidate 6 on"


def test_networks_are_not_proposed_twice_and_the_space_is_exhausted() -> None:
    points = _run("reinforce", [64])
    assert len({tuple(point.items()) for point in points}) == 64


@pytest.mark.parametrize("spec", ["reinforce", "ppo[batch=5,controller=softmax,rate=0.1]"])
def test_it_proposes_better_networks_than_at_the_start(spec: str) -> None:
    """Of 4^6 networks; the mean over six letters is 0.1 + 0.1 x 4.5 at random, with a deviation of 0.11 / sqrt(30)."""
    laws: dict[str, BaseDistribution] = {f"p{place}": CategoricalDistribution(LETTERS) for place in range(6)}
    space: Space = DistributionSpace.of(laws)

    def error(point: Params) -> float:
        return 0.7 - 0.1 * list(point.values()).count("a")

    late = [error(point) for point in _run(spec, [120], space, error)[90:]]
    assert np.mean(late) < 0.55 - 5 * 0.11 / np.sqrt(30)


def test_proposals_lie_in_the_window() -> None:
    laws: dict[str, BaseDistribution] = {"whole": IntDistribution(1, 64), "real": FloatDistribution(0.0, 1.0)}
    space: Space = DistributionSpace.of(laws).within(Window.parse(flops="1.2M:1.5M"))
    assert all(space.judge(point) is not None for point in _run("reinforce", [20], space, lambda point: 0.5))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("reinforce[paper=enas]", "nas-rl, nats-bench"),
        ("ppo[paper=pnas]", "nasnet, mnasnet"),
        ("reinforce[controller=transformer]", "lstm, softmax"),
        ("reinforce[baseline=none]", "earlier, corrected"),
        ("reinforce[decay=1]", "below 1"),
        ("ppo[clip=1]", "below 1"),
        ("ppo[batch=0]", "from 1"),
        ("reinforce[clip=0.2]", "no option 'clip'"),
        ("reinforce[grow=10]", "for networks of several sizes, .* search chain or growing:SPACE"),
        ("ppo[grow=10,by=0]", "from 1"),
    ],
)
def test_options_it_does_not_have_are_refused(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_strategy(spec, TOY, seed=0)


def test_a_schedule_comes_to_no_size_that_the_window_does_not_have() -> None:
    space = make_space("chain[layers=2:6,strides=1,filter=7]").within(Window.parse(flops=":30M"))
    with pytest.raises(
        UsageError, match=r"grow of strategy ppo comes to networks with layers=\d, and the window holds"
    ):
        make_strategy("ppo[grow=5]", space, seed=0)
