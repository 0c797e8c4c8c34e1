"""Tours: each asks the simulator for everything one area can do, through the SDK's typed services."""
