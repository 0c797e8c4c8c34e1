"""Keep one comment on the pull request: the one that begins with the plan's marker is updated, else one is written.

Standard library only. Reads GITHUB_API_URL, GITHUB_REPOSITORY, GITHUB_TOKEN and PULL_REQUEST.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

MARKER = "<!-- flexpay-reconcile plan -->"
PAGES = 30
TIMEOUT = 30


def main(arguments: list[str]) -> int:
    """`comment.py FILE`."""
    text = Path(arguments[0]).read_text(encoding="utf-8")
    if not text.startswith(MARKER):
        sys.stderr.write("this is no plan in Markdown: flexpay plan --format markdown\n")
        return 1
    base = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    number = os.environ["PULL_REQUEST"]
    known = _ours(f"{base}/{number}/comments")
    if known is None:
        _ask("POST", f"{base}/{number}/comments", {"body": text})
    else:
        _ask("PATCH", f"{base}/comments/{known}", {"body": text})
    return 0


def _ours(url: str) -> int | None:
    """The id of the comment that holds the plan so far."""
    for page in range(1, PAGES + 1):
        found = _ask("GET", f"{url}?per_page=100&page={page}", None)
        for each in found:
            if str(each.get("body", "")).startswith(MARKER):
                return int(each["id"])
        if len(found) < 100:
            return None
    return None


def _ask(method: str, url: str, body: dict[str, Any] | None) -> Any:
    headers = {
        "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
    }
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers, method=method)  # noqa: S310 - GitHub's own address
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
