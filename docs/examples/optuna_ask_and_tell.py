"""A loop of your own: `study.ask(space.distributions)`, train, `study.tell`.

python docs/examples/optuna_ask_and_tell.py
"""

from __future__ import annotations

import optuna

import regnas
from regnas.evaluator import Context, Task, make_evaluator
from regnas.strategy import make_strategy

space = regnas.space("regnetx", flops="500k:1M", resolution=28, classes=10)
evaluate = make_evaluator("train", Task(data="fashion-mnist-mini[training=1000]", epochs=1))

study = optuna.create_study(sampler=make_strategy("evolution[population=3]", space, seed=0))
for _ in range(5):
    trial = study.ask(space.distributions)
    network = space.decode(space.canonical(trial.params))
    result = evaluate(network, seed=trial.number, context=Context())
    trial.set_user_attr("flops", network.complexity(space.resolution).flops)
    study.tell(trial, result.error)
best = study.best_trial
print(f"best of {len(study.trials)}: error {best.value:.2%}, {best.user_attrs['flops'] / 1e6:.2f} MF")
