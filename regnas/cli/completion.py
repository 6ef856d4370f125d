"""What a shell offers where a flag takes the name of a plug-in: those that are installed.

A shell asks for it by click's own means: ``eval "$(_REGNAS_COMPLETE=bash_source regnas)"``, ``zsh_source``,
``fish_source``.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem
from click.types import StringParamType

_KINDS = {
    "--space": "space",
    "--strategy": "strategy",
    "--evaluator": "evaluator",
    "--pruner": "pruner",
    "--data": "data set",
    "--executor": "executor",
    "--format": "format",
    "--log": "logger",
}


class Spec(StringParamType):
    """A text that begins with the name of a plug-in of some kind."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from regnas.plugins import registry

        return [CompletionItem(name) for name in registry.installed(self._kind) if name.startswith(incomplete)]


def completed(command: click.Command) -> None:
    """Tell a command's flags the names that they take."""
    for one in command.params:
        for word in one.opts:
            if word in _KINDS:
                one.type = Spec(_KINDS[word])
