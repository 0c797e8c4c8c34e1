"""Copy the package's JSON schemas to schemas/, for editors and other programs. Decides nothing about their content."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Write schemas/ anew from every *.schema.json inside the package."""
    target = ROOT / "schemas"
    target.mkdir(exist_ok=True)
    for old in target.glob("*.json"):
        old.unlink()
    for schema in sorted((ROOT / "flexpay_reconcile").rglob("*.schema.json")):
        (target / schema.name).write_bytes(schema.read_bytes())
        print(f"schemas/{schema.name}")


if __name__ == "__main__":
    main()
