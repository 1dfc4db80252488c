"""`facewise cluster`: sort a collection of photos into people without names."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from facewise.cli.cluster import people
from facewise.cli.cluster.run import run


class _Group(TyperGroup):
    """`run` is what is meant where no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    help="Sort photos into people without names: facewise cluster PHOTOS --out PEOPLE. "
    "What was found and decided is kept in an album; see `facewise cluster run --help`.",
)
app.command("run")(run)
app.command("list")(people.list_people)
app.command("show")(people.show)
app.command("name")(people.name_person)
app.command("merge")(people.merge_people)
app.command("split")(people.split_person)
app.command("apart")(people.apart)
app.command("leave-out")(people.leave_out_faces)
app.command("undo")(people.undo_folders)
