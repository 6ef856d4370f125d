"""TPE with soft constraints, and the same sampler kept inside them, on a recorded population of RegNetX."""

from pathlib import Path

import optuna
import optunahub

from regnas.strategies import FeasibleSampler

# As published: module = optunahub.load_module("benchmarks/regnas")
registry = Path(__file__).resolve().parents[2]
module = optunahub.load_local_module("benchmarks/regnas", registry_root=str(registry))
problem = module.Problem("recorded:fashion-mnist/regnetx", flops="1M:2M")
tpe = optuna.samplers.TPESampler(seed=0)
for name, sampler in (("soft", tpe), ("hard", FeasibleSampler(problem.space, tpe))):
    study = optuna.create_study(directions=problem.directions, sampler=sampler)
    study.optimize(problem, n_trials=30)
    feasible = [trial.value for trial in study.trials if all(value <= 0 for value in trial.constraints.values())]
    print(f"{name} constraints: {len(feasible)} of 30 trials feasible, best error {min(feasible, default=1):.2%}")
