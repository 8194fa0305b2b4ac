"""The tables of the manifest that only Exercise 2's own checks read."""

from graders.cvae.training import Limits


class Run(Limits):
    """`[settings.training]`: the loop is the submission's, the number of epochs the grader's."""

    epochs: int
