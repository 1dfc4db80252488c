"""`facewise gallery`: people who are known, kept in a store; enrol, identify, forget."""

from __future__ import annotations

import typer

from facewise.cli.gallery import (
    enrolling,
    forgetting,
    identifying,
    people,
    sealing,
    transfer,
    transfer_migrate,
    upkeep,
)

app = typer.Typer(
    help="Keep people who are known in a gallery: enrol, identify, forget.", no_args_is_help=True
)
app.command("create")(enrolling.create)
app.command("enrol")(enrolling.enrol)
app.command("identify")(identifying.identify)
app.command("search")(identifying.search)
app.command("list")(people.list_people)
app.command("show")(people.show)
app.command("edit")(people.edit)
app.command("rename")(people.rename)
app.command("merge")(people.merge)
app.command("split")(people.split)
app.command("forget")(forgetting.forget)
app.command("purge-expired")(forgetting.purge_expired)
app.command("stats")(upkeep.stats)
app.command("check")(upkeep.check)
app.command("rebuild-index")(upkeep.rebuild_index)
app.command("change-key")(sealing.change_key)
app.command("export")(transfer.export_file)
app.command("import")(transfer.import_file)
app.command("migrate")(transfer_migrate.migrate_gallery)
