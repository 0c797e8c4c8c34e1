"""What is published beside the loader: codes, starter, example and schema tell the truth."""

from __future__ import annotations

import re

import pytest

from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.manifest.starter import SCHEMA_FILE, starter_manifest
from tests.architecture.source import PACKAGE, ROOT
from tests.unit.manifest.book import configured

_CODE = re.compile(r'"([EW]-[a-z0-9-]+)"')


def codes() -> set[str]:
    """Every code that the manifest room can say."""
    return {
        code for path in (PACKAGE / "manifest").glob("*.py") for code in _CODE.findall(path.read_text(encoding="utf-8"))
    }


def documented() -> dict[str, str]:
    """Each code of docs/errors.md and the rest of its line."""
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `([EW]-[a-z0-9-]+)` \| (.+) \|$", text, flags=re.MULTILINE))


def test_every_code_is_documented_with_what_to_do():
    """docs/errors.md has a line for each code: what it means, and what to do."""
    lines = documented()
    assert sorted(codes() - lines.keys()) == []
    assert [code for code in codes() if lines[code].count(" | ") != 1] == []


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_a_test(code):
    """Each code is named by a test of this room."""
    here = ROOT / "tests" / "unit" / "manifest"
    assert any(
        code in path.read_text(encoding="utf-8")
        for path in here.glob("test_*.py")
        if path.name != "test_manifest_docs.py"
    )


def test_the_starter_loads_clean():
    """What `flexpay init` writes is sound, with the editor's modeline first and the allow list as a comment."""
    text = starter_manifest()
    result = load([("flexpay.yaml", text.encode())])
    assert result.diagnostics == ()
    assert result.configuration is not None
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    assert "    # radar_allow_list: {ip: 203.0.113.7}" in text
    assert starter_manifest(schema="https://x.example/s.json").startswith(
        "# yaml-language-server: $schema=https://x.example/s.json\n"
    )


def test_the_commented_parts_of_the_starter_fit_too():
    """A reader who takes the comment signs away gets a sound manifest as well."""
    text = starter_manifest().replace("    radar_allow_list: no\n    # radar", "    radar")
    text = text.replace("      # attested:", "      attested:").replace("      #            ", "                  ")
    result = load([("flexpay.yaml", text.encode())])
    assert result.diagnostics == ()
    integration = configured(result).integrations["acme-us-sandbox"]
    assert integration.smart_retries.attested is not None
    assert integration.radar_allow_list_ip == "203.0.113.7"


def test_the_first_example_loads_clean():
    """examples/01-one-account holds a manifest without a fault, and its schema line leads to the published schema."""
    path = ROOT / "examples" / "01-one-account" / "flexpay.yaml"
    result = load([(path.name, path.read_bytes())])
    assert result.diagnostics == ()
    assert result.configuration is not None
    modeline = path.read_text(encoding="utf-8").splitlines()[0]
    assert (path.parent / modeline.partition("$schema=")[2]).resolve() == ROOT / "schemas" / "manifest.v1.schema.json"
