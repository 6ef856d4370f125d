"""The command ``regnas``. Commands parse, call `regnas.studies` and print; they hold no logic."""

from regnas.cli.main import main

__all__ = ["main"]
