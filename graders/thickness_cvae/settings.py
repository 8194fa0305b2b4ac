"""The tables of the manifest that only the Challenge's own checks read."""

from graders.cvae.training import Run


class DrawingRun(Run):
    """`[settings.training]`; `samples` are the latent codes for each digit and thickness whose strokes are measured."""

    samples: int
