"""The project's tests: unit, contract, simulation, integration, examples, architecture."""
