"""The gateway ports through the real SDK, against the simulator and against real sockets."""
