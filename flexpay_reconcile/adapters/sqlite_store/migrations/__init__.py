"""The numbered steps of the schema, as `.sql` files. Holds no code, and a step once released never changes."""
