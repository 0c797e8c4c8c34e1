#!/bin/sh
# Resolves requirements/run.lock, dev.lock and measure.lock: versions and hashes only, for Linux x86_64 and aarch64, Python 3.11 to 3.13.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
[ -x "$uv" ] || { echo "error: make lock needs uv; install it with: .venv/bin/pip install uv" >&2; exit 1; }

compile() {  # compile OUT [uv options]
    out=$1; shift
    "$uv" pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --upgrade --output-file "$out.new" "$@" >/dev/null
    # A lock names packages, never the place they came from.
    grep -vE '^(#|--|-i |-f )' "$out.new" > "$out"
    rm -f "$out.new"
    if grep -qE '://|@ file' "$out"; then echo "error: $out names an address" >&2; exit 1; fi
}

backend=$(mktemp)
trap 'rm -f "$backend"' EXIT
echo 'hatchling>=1.27,<2' > "$backend"
compile requirements/run.lock "$backend"
compile requirements/dev.lock --extra dev --constraints requirements/run.lock
compile requirements/measure.lock --extra dev --extra measure --constraints requirements/dev.lock
