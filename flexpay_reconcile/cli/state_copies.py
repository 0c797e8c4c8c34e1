"""`flexpay state backup | restore | verify | rekey`: offline work on the state file. Never charges."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import exit_codes, options, output


@click.command("backup")
@click.argument("target", type=click.Path(dir_okay=False), metavar="FILE")
@options.state
@options.output_format("text", "json")
def backup(target: str, state_path: str, format_: str) -> int:
    """Copy the state to FILE while the daemon goes on; keep the key file (STATE.key) elsewhere."""
    from flexpay_reconcile.bootstrap import upkeep

    document = upkeep.back_up(state_path, target)
    if format_ == "json":
        output.result_json(document)
    else:
        output.result(
            f"saved to {target}: lineage {document['lineage'][:8]} at {document['serial']}, checked and sound"
        )
        output.note(f"the key {state_path}.key is not in it: keep it apart, or the signing secrets are lost")
    return exit_codes.DONE


@click.command("restore")
@click.argument("source", type=click.Path(dir_okay=False), metavar="BACKUP")
@options.state
@click.option("--replace", is_flag=True, allow_from_autoenv=False, help="Where there is a state, keep it aside.")
@options.output_format("text", "json")
def restore(source: str, state_path: str, replace: bool, format_: str) -> int:
    """Put BACKUP in the state's place. It charges nothing until `flexpay state rearm`."""
    from flexpay_reconcile.bootstrap import upkeep

    document = upkeep.restore(source, state_path, replace=replace)
    if format_ == "json":
        output.result_json(document)
        return exit_codes.DONE
    output.result(f"restored {state_path}: lineage {document['lineage'][:8]} at {document['serial']}; it is not armed")
    if document["kept"]:
        output.result(f"the state that was there is now {document['kept']}")
    output.note("when no other copy runs any more: flexpay state rearm")
    return exit_codes.DONE


@click.command("verify")
@options.state
@options.output_format("text", "json")
def verify(state_path: str, format_: str) -> int:
    """Check pages, rows, hash chains, revisions and sealed secrets. Exit 1 when something is wrong."""
    from flexpay_reconcile.bootstrap import upkeep

    document = upkeep.verify(state_path)
    if format_ == "json":
        output.result_json(document)
    else:
        lines = [f"fault: {output.printable(each)}" for each in document["faults"]]
        lines.append("sound" if document["sound"] else f"{len(document['faults'])} fault(s); restore a backup")
        lines.append(f"lineage {document['lineage']}, serial {document['serial']}, revision {document['revision']}")
        lines.append("armed: this copy may charge" if document["armed"] else "not armed: see flexpay state rearm")
        output.result("\n".join(lines))
    return exit_codes.DONE if document["sound"] else exit_codes.FAILED


@click.command("rekey")
@options.state
@click.option(
    "--to", "reference", metavar="REF", help="Where the new key is: env:NAME or file:PATH. [default: a fresh one]"
)
@options.output_format("text", "json")
def rekey(state_path: str, reference: str | None, format_: str) -> int:
    """Seal the signing secrets with a new key, written to STATE.key. Stop the daemon first."""
    from flexpay_reconcile.bootstrap import upkeep
    from flexpay_reconcile.values.secret import SecretRef, SecretSource

    parsed = None
    if reference is not None:
        source, colon, name = reference.partition(":")
        if not colon or not name or source not in {"env", "file", "credential"}:
            raise click.BadParameter("a key is named by reference: env:NAME, file:PATH or credential:NAME")
        parsed = SecretRef(source=SecretSource(source), name=name)
    document = upkeep.rekey(state_path, parsed)
    if format_ == "json":
        output.result_json(document)
    else:
        output.result(f"sealed {document['resealed']} secret(s) with the new key in {state_path}.key")
        output.note("older backups need the former key: keep it with them")
    return exit_codes.DONE
