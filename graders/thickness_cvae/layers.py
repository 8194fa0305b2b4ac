"""What both tasks on layer widths check."""

from collections.abc import Callable

from graders.checks.asking import Asker
from graders.checks.failure import Failure
from graders.thickness_cvae import inputs

LATENT_DIMS = (16, 2, 5, 64)  # the starter's default first, so that its message comes first


def _parameters(submission: Asker, latent_dim: int) -> tuple[str, dict[str, list[int]]]:
    called = f"ThicknessCVAE(latent_dim={latent_dim})"
    return called, submission.ask("parameters", called, wanted="a model", latent_dim=latent_dim)


def first_width(submission: Asker, layer: str, width: Callable[[int], int], what: str) -> None:
    """`layer` takes `width(latent_dim)` inputs for every latent size; `what` names what it reads."""
    fits = None
    for latent_dim in LATENT_DIMS:
        called, found = _parameters(submission, latent_dim)
        shape = found.get(f"{layer}.weight")
        if shape is None or len(shape) != 2:
            got, wanted = f"a model without a layer {layer}", "the layer names of the starter"
            raise Failure(called, got, wanted, "Other code finds the layers by these names, so they stay as given.")
        if shape[1] == width(latent_dim):
            fits = latent_dim
            continue
        relation = "wider" if shape[1] < width(latent_dim) else "narrower"
        raise Failure(
            called,
            f"{layer} takes {shape[1]} inputs; {what} are {relation}",
            f"as many inputs as {what} have numbers",
            f"The width is right for a latent size of {fits} and wrong for {latent_dim}; where should it come from?"
            if fits
            else None,
        )


def given_layers(submission: Asker, mine: Callable[[str], bool]) -> None:
    """All parameters for which `mine(name)` holds have the starter's shapes, the first layers' input widths aside."""
    for latent_dim in LATENT_DIMS:
        called, found = _parameters(submission, latent_dim)
        wanted = {name: list(p.shape) for name, p in inputs.blank(latent_dim).named_parameters() if mine(name)}
        for name, shape in wanted.items():
            got = found.get(name)
            if got is None:
                raise Failure(called, f"a model without the parameter {name}", "exactly the parameters of the starter")
            ends = 1 if name in ("encoder_fc1.weight", "decoder_fc1.weight") else 2
            if got[:ends] != shape[:ends]:
                raise Failure(
                    called,
                    f"{name} has shape {tuple(got)}",
                    "the widths of the starter in the given layers",
                    "The work belongs to the first layer of each half; the other widths were given.",
                )
        if extra := sorted(name for name in set(found) - set(wanted) if mine(name)):
            raise Failure(called, f"a model with {', '.join(extra[:3])} added", "exactly the parameters of the starter")
