"""The simulator held against Stripe's own OpenAPI document. Test-only; nothing here is shipped."""
