"""What the data files say is read anew in each session, so that a session forked from another one judges its own code."""

from __future__ import annotations

import pytest

from flexpay_reconcile.declines import classify, codes, data, network_rules, networks


@pytest.fixture(scope="session", autouse=True)
def _read_anew():
    """Forget what a parent process has read: `make mutation` forks one process per mutant."""
    for cached in (
        data.codes,
        data.rules,
        codes._index,
        network_rules._index,
        networks.default_ceiling,
        networks.network_limit,
        classify._countries_that_need_the_customer,
    ):
        cached.cache_clear()
