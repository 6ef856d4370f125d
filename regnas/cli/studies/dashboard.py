"""``regnas dashboard``."""

from __future__ import annotations

import json

import click

from regnas.cli import options
from regnas.cli.command import Command
from regnas.cli.output import echo


@click.command(cls=Command)
@click.argument("study", required=False, metavar="[STUDY]")
@click.option("--storage", metavar="URL|FILE", help="An Optuna URL or a journal file.  [default: OUT/regnas.db]")
@click.option("--out", default="regnas-runs", show_default=True, metavar="FOLDER", help="Where searches are kept.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0: any that is free.")
@click.option("--open", "browse", is_flag=True, help="Open the page in a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
@options.debug
def dashboard(study: str | None, storage: str | None, out: str, port: int, browse: bool, as_json: bool) -> None:
    """Show studies in optuna-dashboard (extra dashboard), on this machine alone, until Ctrl-C.

    STUDY is a study's folder or name; without it, all studies are listed.
    """
    from pathlib import Path

    from regnas.studies.dashboard.host import require_dashboard

    require_dashboard()
    from regnas.studies.dashboard.serve import listen
    from regnas.studies.dashboard.target import find

    made = listen(find(study, storage, Path(out)), port)
    if as_json:
        echo(json.dumps({"address": made.address, "remarks": list(made.remarks)}))
    else:
        for remark in made.remarks:
            echo(remark)
        echo(f"{made.address}  (Ctrl-C stops)")
    if browse:
        import webbrowser

        webbrowser.open(made.address)
    made.run()
