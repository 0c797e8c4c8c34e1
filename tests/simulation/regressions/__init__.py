"""One permanent test for each fault that a review or a hunt for faults has found in the engine."""
