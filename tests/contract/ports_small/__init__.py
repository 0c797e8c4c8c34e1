"""Small ports: cipher, secrets, clock, identifiers."""
