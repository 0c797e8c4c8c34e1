"""The named queries, as `.sql` files: one file a subject. Holds no code, and no query is composed from parts."""
