"""The import law, the sizes and the words that no type checker holds."""
