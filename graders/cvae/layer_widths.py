"""Check the widths of a network's layers, for several latent sizes."""

from collections.abc import Callable

from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import SubmissionHandle
from graders.cvae.network import FIRST_LAYERS, Network

AS_GIVEN = "exactly the parameters of the starter"
CHANGED = "All layers but the first of each half are given. Was a line of the constructor changed, added or lost?"
LATENT_DIMS = (16, 2, 5, 64)  # the starter's default first, so that its message comes first


def _parameters(network: Network, submission: SubmissionHandle, latent_dim: int) -> tuple[str, dict[str, list[int]]]:
    called = f"{network.name}(latent_dim={latent_dim})"
    found = submission.ask("parameters", called, wanted="a model", model=network.name, latent_dim=latent_dim)
    return called, found


def first_width(
    network: Network, submission: SubmissionHandle, layer: str, width: Callable[[int], int], what: str
) -> None:
    """`layer` takes `width(latent_dim)` inputs for every latent size; `what` names what it reads."""
    fits = None
    for latent_dim in LATENT_DIMS:
        called, found = _parameters(network, submission, latent_dim)
        shape = found.get(f"{layer}.weight")
        if shape is None or len(shape) != 2:
            raise Failure(
                called,
                f"a model without a layer {layer}",
                "the layer names of the starter",
                "Other code finds the layers by these names, so they stay as given.",
            )
        found_width = shape[1]
        if found_width == width(latent_dim):
            fits = latent_dim
            continue
        hint = None
        if fits is not None:
            hint = (
                f"The width is right for a latent size of {fits} and wrong for {latent_dim}; where should it come from?"
            )
        relation = "wider" if found_width < width(latent_dim) else "narrower"
        raise Failure(
            called,
            f"{layer} takes {found_width} inputs; {what} are {relation}",
            f"as many inputs as {what} have numbers",
            hint,
        )


def given_layers(network: Network, submission: SubmissionHandle, mine: Callable[[str], bool]) -> None:
    """All parameters for which `mine(name)` holds have the starter's shapes, the first layer's input width aside."""
    for latent_dim in LATENT_DIMS:
        called, found = _parameters(network, submission, latent_dim)
        wanted = {name: list(p.shape) for name, p in network.blank(latent_dim).named_parameters() if mine(name)}
        found = {name: shape for name, shape in found.items() if mine(name)}
        for name, shape in wanted.items():
            got = found.get(name)
            compared = 1 if name.removesuffix(".weight") in FIRST_LAYERS else None
            if got is None:
                raise Failure(called, f"a model without the parameter {name}", AS_GIVEN, CHANGED)
            if got[:compared] != shape[:compared]:
                raise Failure(
                    called,
                    f"{name} has shape {tuple(got)}",
                    "the widths of the starter in the given layers",
                    "The work belongs to the first layer of each half; the other widths were given.",
                )
        if extra := sorted(set(found) - set(wanted)):
            raise Failure(called, f"a model with {', '.join(extra[:3])} added", AS_GIVEN, CHANGED)
