"""`flexpay fmt`: manifest files in their one form. Needs no secret, network or state; changes no value."""

from __future__ import annotations

import click

from flexpay_reconcile.cli import exit_codes, output

_STDIN = "-"
_SHOWN_AS = "<stdin>"


@click.command("fmt")
@click.argument("paths", nargs=-1, type=click.Path(readable=False), metavar="[FILE]...")
@click.option("--check", is_flag=True, help="Write nothing; name the files that differ, with exit code 2.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Format manifest files, folders of them, or standard input (-); comments stay.

    Without FILE, flexpay.yaml. Prints the names of the files that changed. If a file has faults, none is written.
    """
    from flexpay_reconcile.cli import files
    from flexpay_reconcile.manifest.layout import formatted

    if _STDIN in paths and len(paths) > 1:
        raise click.UsageError("- (standard input) stands alone")
    from_stdin = paths == (_STDIN,)
    found = [(_SHOWN_AS, files.read_standard_input())] if from_stdin else files.read_manifests(paths)
    _refuse_faults(found)
    made = [(name, before, formatted(name, before)) for name, before in found]
    different = [each for each in made if each[1] != each[2]]
    if diff:
        for name, before, after in different:
            output.result(_difference(name, before, after))
    elif check:
        for name, _, _ in different:
            output.result(name)
    elif from_stdin:
        output.result(made[0][2].decode())
    else:
        for name, before, after in different:
            files.rewrite(name, before, after)
            output.result(name)
    return exit_codes.CHANGES_PRESENT if check and different else exit_codes.DONE


def _refuse_faults(found: list[tuple[str, bytes]]) -> None:
    """Tell every fault of every file, and raise where there is one."""
    from flexpay_reconcile.cli.files import invalid_by
    from flexpay_reconcile.manifest.load import faults_of_file

    faults = [fault for name, data in found for fault in faults_of_file(name, data)]
    for each in faults:
        output.note(output.printable(each.text()))
    if faults:
        raise invalid_by(len(faults))


def _difference(name: str, before: bytes, after: bytes) -> str:
    """As `diff -u` prints it."""
    import difflib

    old, new = (each.decode("utf-8-sig").splitlines() for each in (before, after))
    return "\n".join(difflib.unified_diff(old, new, f"{name} (as it is)", f"{name} (formatted)", lineterm=""))
