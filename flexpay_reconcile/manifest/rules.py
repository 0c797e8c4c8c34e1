"""Every rule beyond the schema, over the tree as written, so that a fault in one place hides no other.
Decodes nothing.
"""

from __future__ import annotations

from flexpay_reconcile.manifest.not_built import not_built
from flexpay_reconcile.manifest.rules_companies import company_rules, currency_rules
from flexpay_reconcile.manifest.rules_integrations import integration_rules
from flexpay_reconcile.manifest.rules_keys import key_rules
from flexpay_reconcile.manifest.rules_policies import policy_rules
from flexpay_reconcile.manifest.rules_webhooks import webhook_rules
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic


def broken_rules(tree: Tree, *, allow_secret_commands: bool, whole: bool = True) -> list[Diagnostic]:
    """All of them. `whole` is False where a file could not be read, and then nothing is called unknown."""
    return [
        *currency_rules(tree),
        *company_rules(tree),
        *integration_rules(tree, whole=whole),
        *webhook_rules(tree),
        *key_rules(tree, allow_secret_commands=allow_secret_commands),
        *policy_rules(tree),
        *not_built(tree),
    ]
