"""Task reparameterize: exact gradient identities first, then the noise itself.

The checks on the noise share one sample of 8 calls x 512 rows x 16 units and the false-alarm bound of
`cvaekit.statistics.normality_tests`: 8e-11 for each of the twelve, so below 1e-9 for a right submission.
"""

import pytest
import torch
from hypothesis import given
from torch import Tensor

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from cvaekit.statistics import normality_tests
from graders.conditional_vae.network import NETWORK
from graders.cvae import noise
from graders.cvae.examples import BATCHES, LATENTS, PROFILE, SEEDS
from graders.cvae.network import codes, shape_of
from graders.cvae.noise import CALL, SAMPLE

__all__ = ["SAMPLE"]  # for the false-alarm table

PATH_HINT = (
    "A sample depends on both, and the error travels back through it to both heads. Is one left out, or cut off?"
)


def draw(submission, mu, logvar, seed=0):
    """The probe's answer for one call; its z is a float32 tensor shaped like mu."""
    arguments = {"mu": mu, "logvar": logvar, **NETWORK.for_probes}
    answer = submission.ask("reparameterize", CALL, wanted="one tensor z shaped like mu", seed=seed, **arguments)
    z = answer["z"]
    if not isinstance(z, Tensor) or z.shape != mu.shape:
        raise Failure(
            f"{CALL} with mu of shape {tuple(mu.shape)}",
            shape_of(z),
            "one tensor z shaped like mu",
            "The caller expects one sample: a number for each number in mu.",
        )
    if z.dtype != mu.dtype:
        raise Failure(
            CALL,
            f"z is {z.dtype}, mu is {mu.dtype}",
            "z of the same number type as mu",
            "Compare the number types of the things that are added up.",
        )
    if not torch.isfinite(z).all():
        raise Failure(
            f"{CALL} with logvar of both signs",
            "z holds infinite or undefined numbers (inf, nan)",
            "finite numbers for any mu and logvar",
            "A logarithm may be negative; not every function likes that.",
        )
    return answer


def gradient_of(answer, name, like):
    """The gradient that reached `name`; None where there is none shaped `like` it."""
    gradient = (answer.get("gradients") or {}).get(name)
    return gradient if gradient is not None and gradient.shape == like.shape else None


def parameters(batch, latent_dim, seed):
    """mu and logvar of both signs, |logvar| < 4; mu goes far from 0 in the first column, logvar in the last.

    There it lies between -29 and 19, below the accepted guards against overflow, and mu is 0: whatever is added to a mu
    would be rounded away.
    """
    mu, logvar = codes(batch, latent_dim, seed, 1.5), codes(batch, latent_dim, seed + 1, 1.2)
    logvar = logvar.clamp(-3.9, 3.9)
    mu[:, 0] *= 8
    mu[:, -1], logvar[:, -1] = 0, (24 * logvar[:, -1]).clamp(-29, 19)
    return mu, logvar


@pytest.mark.core
@pytest.mark.points(3)
@PROFILE
@given(batch=BATCHES, latent_dim=LATENTS, seed=SEEDS)
def test_gradient_of_mu(submission, batch, latent_dim, seed):
    """Moving mu moves z by as much: dz/dmu is 1 everywhere."""
    mu, logvar = parameters(batch, latent_dim, seed)
    gradient = gradient_of(draw(submission, mu, logvar, seed), "mu", mu)
    called, wanted = f"backward through {CALL}", "z that moves along with mu, one to one"
    if gradient is None:
        raise Failure(called, "no gradient reaches mu", wanted, PATH_HINT)
    if not gradient.abs().max() > 0:
        raise Failure(called, "the gradient that reaches mu is zero everywhere", wanted, PATH_HINT)
    if not close(gradient, torch.ones_like(mu)):
        raise Failure(
            called,
            "the gradient that reaches mu has other values",
            wanted,
            "Which quantity shifts the noise, and which one stretches it?",
        )


@pytest.mark.core
@pytest.mark.points(5)
@PROFILE
@given(batch=BATCHES, latent_dim=LATENTS, seed=SEEDS)
def test_gradient_of_logvar(submission, batch, latent_dim, seed):
    """The noise grows with logvar at the right rate: dz/dlogvar is (z - mu) / 2 everywhere."""
    mu, logvar = parameters(batch, latent_dim, seed)
    answer = draw(submission, mu, logvar, seed)
    added, gradient = answer["z"].double() - mu.double(), gradient_of(answer, "logvar", logvar)
    called, wanted = (
        f"backward through {CALL}",
        "noise whose spread is the standard deviation that logvar stands for",
    )
    if not added.abs().max() > 0:
        raise Failure(
            CALL,
            "z equals mu exactly",
            "a random sample around mu",
            "Call it twice on the same input: should both answers agree?",
        )
    if gradient is None:
        raise Failure(called, "no gradient reaches logvar", wanted, PATH_HINT)
    if not gradient.abs().max() > 0:
        raise Failure(called, "the gradient that reaches logvar is zero everywhere", wanted, PATH_HINT)
    error = (gradient.double() - 0.5 * added).abs()
    if not (error <= rate_slack(added, mu)).all():
        raise Failure(
            called,
            "the noise grows with logvar at another rate than a standard deviation does",
            wanted,
            "logvar is the logarithm of a variance. Undo exactly that, and mind what noise is scaled by.",
        )


def rate_slack(added, mu):
    """How far dz/dlogvar may lie from half of `added`, the noise in z: z is rounded, and more so around a large mu."""
    return 1e-4 * added.abs() + 1e-5 * mu.abs() + 1e-7


@pytest.mark.points(1)
def test_limit(submission):
    """With no spread left, z is mu."""
    mu, _ = parameters(7, 5, 31)
    z = draw(submission, mu, torch.full_like(mu, -60.0))["z"]
    if not close(z, mu, 1e-5):
        raise Failure(
            f"{CALL} with logvar = -60",
            "z is not mu",
            "mu itself where the variance has all but vanished",
            "With no spread left, where should the sample sit?",
        )


@pytest.mark.points(2)
def test_same_noise(submission):
    """The noise does not depend on mu and logvar: same seed, same noise."""
    mu, logvar = parameters(7, 5, 37)
    logvar = logvar.clamp(-15, 15)  # narrower noise is lost in the rounding of mu + 1
    cases = [(mu, logvar), (mu, logvar), (-2 * mu, logvar), (mu + 1, -logvar)]
    drawn = [
        (draw(submission, m, v, seed=41)["z"].double() - m.double()) / torch.exp(0.5 * v.double()) for m, v in cases
    ]
    if not close(drawn[1], drawn[0], 1e-6):
        return  # noise from a source that cannot be seeded; the checks on its distribution judge it
    if any(not close(other, drawn[0], 1e-3) for other in drawn[2:]):
        raise Failure(
            f"{CALL} with one seed and several mu and logvar",
            "another noise each time",
            "noise that is shifted by mu and stretched by the standard deviation, and otherwise the same",
            "First comes a draw that knows nothing of mu and logvar, then the two are applied to it.",
        )


@pytest.mark.points(1)
def test_sizes(submission):
    """Any batch size and latent size will do, and z has the number type of mu."""
    for batch, latent_dim in ((1, 5), (37, 16), (3, 2)):
        draw(submission, *parameters(batch, latent_dim, 43))


@pytest.mark.points(1)
def test_inputs_unchanged(submission):
    """mu and logvar are left as they came, since the loss needs them next."""
    mu, logvar = parameters(7, 5, 47)
    after = draw(submission, mu, logvar)["inputs_after"]
    for name, got, wanted in zip(("mu", "logvar"), after, (mu, logvar), strict=True):
        if not close(got, wanted, 1e-6):
            raise Failure(
                CALL,
                f"{name} was overwritten",
                "inputs that are left as they came",
                "An underscore at the end of a method's name has a meaning.",
            )


@pytest.fixture(scope="module")
def drawn(submission):
    """SAMPLE float64: the noise in what the submission draws around many mu, with many logvar."""
    return sample(submission)


def sample(submission):
    return noise.sample(NETWORK, submission)


# The defaults below tell the false-alarm table which tests a check runs; pytest leaves such parameters alone.


@pytest.mark.core
@pytest.mark.points(4)
def test_noise_is_standard_normal(drawn, tests=normality_tests.DISTRIBUTION):  # noqa: PT028
    """The noise has mean 0, spread 1, and the shape of a normal distribution."""
    noise.judge(drawn, tests)


@pytest.mark.points(3)
def test_noise_is_fresh(drawn, tests=normality_tests.INDEPENDENCE):  # noqa: PT028
    """Every image, every latent unit and every call gets noise of its own."""
    noise.judge(drawn, tests)


def test_eval_mode(submission):
    """Advice only: the bound is defined with a sample in eval mode too."""
    mu, logvar = parameters(7, 5, 53)
    if close(submission.ask_aside("eval_mode", mu=mu, logvar=logvar, **NETWORK.for_probes), mu, 1e-6):
        submission.note(
            "In eval mode reparameterize returns mu itself. No points are lost, but a test loss measured "
            "that way is not the bound of the handout: it is too low."
        )
