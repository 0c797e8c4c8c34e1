"""The data plane as a whole in virtual time: the real SDK, the simulator in process, the real store. No clock, no sleep."""
