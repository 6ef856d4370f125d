"""What all commands have: flags from a file, names that a shell completes, and help in groups."""

from __future__ import annotations

from typing import Any

import click

from regnas.cli import config
from regnas.cli.completion import completed

_HELP = "help"
_MANY = 15  # flags from which on a list of them is read in groups
_GROUPS = {
    "What networks may cost": ("flops", "params", "params_window", "acts", "limits", "latency", "runtime"),
    "Images and training": ("data", "data_root", "download", "skip_broken", "resolution", "epochs", "evaluator"),
    "Where it runs": ("workers", "device", "executor", "ray_address", "per_device", "threads", "timeout"),
    "What is kept and printed": ("out", "storage", "study", "name", "output", "log", "quiet", "as_json", "json_lines"),
    "Every command": ("config", "print_config", "debug", _HELP),
}


class Command(click.Command):
    """A command of regnas."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params += config.flags()
        completed(self)

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, or print its flags as a file."""
        if ctx.params.pop(config.PRINT):
            click.echo(config.text_of(ctx), nl=False)
            return None
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The flags: first its own, then those that commands share, by what they are about."""
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        named = [(_HELP if "--help" in one.opts else str(one.name), one) for one in options]
        shown = [(name, record) for name, one in named if (record := one.get_help_record(ctx))]
        if len(shown) < _MANY:
            super().format_options(ctx, formatter)
            return
        shared = {name for names in _GROUPS.values() for name in names}
        own = [record for name, record in shown if name not in shared]
        grouped = {title: [record for name, record in shown if name in names] for title, names in _GROUPS.items()}
        for title, records in {"Options": own, **grouped}.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)
