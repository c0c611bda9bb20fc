#!py
"""The bots of this machine: states only for what is not as it should be, so that a run with nothing to do costs nothing."""


def run():
    return __salt__["butt.states"](__pillar__)
