"""What `examples/` promises: manifests that are valid, and the demo over the real files, shortened to ten days."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flexpay_reconcile.cli.demo import command
from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.rehearsal import demo, merchant

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize(
    "path", sorted(EXAMPLES.glob("*/flexpay*.yaml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_example_manifest_is_valid(path):
    """Each manifest of the examples loads without a single fault."""
    loaded = load([(path.name, path.read_bytes())])
    assert loaded.configuration is not None
    assert loaded.diagnostics == ()


def test_the_demo_tells_its_figures(tmp_path):
    """Ten days of the demo through the command: plan, both schedules, figures held against the ledger, one story."""
    result = CliRunner().invoke(command, ["--days", "10", "--into", str(tmp_path / "demo")])
    assert result.exit_code == 0, result.output
    for words in (
        "+ webhook_endpoint.demo-books",
        "Applied flexpay.yaml; the second plan is empty.",
        "Applied flexpay-fixed.yaml; the second plan is empty.",
        "even spacing, 28 days",
        "fixed 3/5/7 days",
        "no difference, none charged twice",
        "Where to look next:",
    ):
        assert words in result.output, words
    assert (tmp_path / "demo" / "even.db").is_file()


def test_the_demo_counts_what_happened(tmp_path):
    """Both arms meet the same failures, every failed payment stands in exactly one row, and nothing is made up."""
    figures = demo.run(merchant.EXAMPLE, tmp_path, demo.Told(say=lambda _: None, progress=lambda *_: None), days=10)
    even, fixed = figures.accounts["even"], figures.accounts["fixed"]
    assert even.failed == fixed.failed
    assert even.failed.count > 0
    for each in (even, fixed):
        parts = (each.recovered, each.elsewhere, each.unpaid, each.still_open)
        assert sum(part.count for part in parts) == each.failed.count
    assert figures.compared == even.failed.count + fixed.failed.count
