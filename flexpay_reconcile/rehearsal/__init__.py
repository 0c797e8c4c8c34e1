"""A simulated merchant run against the whole product. The only room that may join the simulator and the bootstrap.

Demo, workflow validation and the simulation tests are thin users of it. It decides nothing about payments.
"""
