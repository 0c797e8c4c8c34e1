"""The schemas that editors read are the ones that the product checks with."""

from __future__ import annotations

from tests.architecture import source


def test_published_schemas_equal_the_packages():
    """schemas/ holds exactly the package's *.schema.json files, byte for byte; `make schemas` publishes them."""
    inside = {path.name: path.read_bytes() for path in source.PACKAGE.rglob("*.schema.json")}
    published = {path.name: path.read_bytes() for path in (source.ROOT / "schemas").glob("*.json")}
    assert sorted(published) == sorted(inside)
    assert [name for name in inside if inside[name] != published[name]] == []
