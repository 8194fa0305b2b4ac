"""Check the work on Exercise 3: run `pytest` in this folder, at any time.

Reads cvae.py, or cvae_starter.py where there is none, or the file that the environment variable CVAE_FILE names. Needs
torch and pytest. Each task is judged on its own, in the order of the file: *not started* while its `...` are still
there, *begun* while some are, otherwise *right* or *wrong*, and if wrong, what was called, what came back and what was
wanted. These checks ask for properties and for a few known values. The grader asks for more of the same.
"""

import pytest
import torch
from cvae_checks import Half, Network, check_widths, model_with_layers, pictures, same
from exercise import Exercise, Wrong, told
from images import read_set

EXERCISE = Exercise(__file__)
NETWORK = Network("SimpleCVAE", {"label": 10}, "labels_onehot", {"num_classes": 10})
judged = EXERCISE.judged
LOG4 = 1.3862944


@pytest.fixture(scope="session", autouse=True)
def work(request):
    return EXERCISE.begin(request.config)


def test_file(work):
    """The file can be imported and defines what the starter defines."""
    work.check_file()


# ------------------------------------------------------------------------------------------------ layers and halves


@judged
def test_encoder_dims(work):
    check_widths(work, NETWORK, "encoder", other="decoder_dims")


@judged
def test_decoder_dims(work):
    check_widths(work, NETWORK, "decoder", other="encoder_dims")


@judged
def test_encode(work):
    Half(work, NETWORK, "encode", "x", ["mu", "logvar"], pictures).check()


@judged
def test_reparameterize(work):
    called = "reparameterize(mu, logvar)"

    def draw(mu, logvar):
        where = f"{called} with mu of shape {tuple(mu.shape)}"
        z = work.ask(where, lambda: model.reparameterize(mu, logvar), wanted="z, shaped like mu")
        if not isinstance(z, torch.Tensor) or z.shape != mu.shape or z.dtype != mu.dtype:
            wanted = f"a {str(mu.dtype).replace('torch.', '')} tensor of shape {tuple(mu.shape)}"
            raise Wrong(where, told(z), wanted, "The decoder reads z next: one number for each number in mu.")
        return z

    for latent_dim, batch in ((2, 4), (8, 1), (8, 37)):
        model = model_with_layers(work, NETWORK, latent_dim).train()
        draw(torch.randn(batch, latent_dim), torch.randn(batch, latent_dim))

    # Gradients: no luck is involved here.
    mu, logvar = torch.randn(37, 8, requires_grad=True), torch.randn(37, 8, requires_grad=True)
    inner = mu * 1.0, logvar * 1.0
    before = [tensor.detach().clone() for tensor in inner]
    z = draw(*inner)
    if not all(same(tensor.detach(), kept) for tensor, kept in zip(inner, before, strict=True)):
        raise Wrong(called, "mu or logvar was overwritten", "inputs that are left as they came")
    if not torch.isfinite(z).all():
        raise Wrong(called, "numbers that are not finite", "a finite z; logvar may well be negative")
    backward, wanted = f"backward through {called}", "gradients for mu and logvar"
    path = "The error must be able to travel back through the sample to both heads; which step cuts it off?"
    if not z.requires_grad:
        raise Wrong(backward, "no gradient at all", wanted, path)
    slopes = work.ask(backward, torch.autograd.grad, z.sum(), (mu, logvar), allow_unused=True, wanted=wanted, hint=path)
    for name, slope in zip(("mu", "logvar"), slopes, strict=True):
        if slope is None or not slope.any():
            raise Wrong(backward, f"no gradient for {name}", wanted, path)
    if not same(slopes[0], torch.ones_like(mu)):
        wanted = "a sample that is shifted by mu: one step of mu is one step of z"
        raise Wrong(backward, "z does not move by the same amount as mu", wanted)

    # Distribution: 4096 x 8 draws. A right answer leaves the bounds below less often than once in 10^9.
    mu = torch.linspace(-3, 3, 8).repeat(4096, 1)
    narrow = draw(mu, torch.full_like(mu, -20.0)) - mu
    if not narrow.abs().max() < 0.01:
        got = f"z up to {float(narrow.abs().max()):.3g} away from mu"
        raise Wrong(f"{called} with logvar = -20", got, "z very close to mu: hardly any variance is left")
    for value, spread in ((0.0, 1.0), (LOG4, 2.0), (-LOG4, 0.5)):
        where = f"{called} with a variance of {spread**2:g} (logvar = {value:.4g}), 32,768 numbers"
        moved = draw(mu, torch.full_like(mu, value)) - mu
        if not abs(float(moved.mean())) < 0.06 * spread:
            got = f"z lies {float(moved.mean()):+.3f} from mu on average"
            raise Wrong(where, got, "mu on average", "Is the noise as often negative as it is positive?")
        if not abs(float(moved.double().square().mean().sqrt()) / spread - 1) < 0.03:
            got, wanted = f"a spread of {float(moved.std()):.3f}", f"a standard deviation of {spread:g}"
            hint = "logvar is the logarithm of the variance; the noise is stretched by the standard deviation."
            raise Wrong(where, got, wanted, hint)
        if not 0.03 < float((moved.abs() > 2 * spread).float().mean()) < 0.062:
            got = "noise of the right spread and another shape"
            wanted = "normal noise: about one number in 22 is more than two standard deviations away"
            raise Wrong(where, got, wanted, "Which distribution was asked for?")
    if not len(moved.unique()) > 0.9 * moved.numel() / 2:
        got = f"only {len(moved.unique()):,} different numbers among {moved.numel():,}"
        raise Wrong(f"{called} with 4096 rows", got, "noise of its own for each number of each row")
    again = draw(mu, torch.full_like(mu, -LOG4)) - mu
    if (again == moved).float().mean() > 0.1:
        called = f"{called}, twice"
        raise Wrong(called, "the same noise both times", "new noise in each call", "Draw it now, not earlier.")


@judged
def test_decode(work):
    Half(work, NETWORK, "decode", "z", ["the reconstruction"], lambda batch: torch.randn(batch, 5)).check()


# ------------------------------------------------------------------------------------------------------- the loss


def loss(work, task, reconstruction, original, mu, logvar):
    """cvae_loss, one number; a part of it that raises is left out if it belongs to another task than `task`."""
    other = "kl_loss" if task == "reconstruction_loss" else "reconstruction_loss"
    called = f"cvae_loss with {len(original)} images and latent codes of {mu.shape[1]} numbers"
    function, arguments = work.module.cvae_loss, (reconstruction, original, mu, logvar)
    try:
        value = function(*arguments)
    except (Exception, SystemExit) as error:
        if work.within(error, other):
            function = work.run(without=other).cvae_loss
        value = work.ask(called, function, *arguments, wanted="one number")
    if isinstance(value, torch.Tensor) and value.numel() != 1:  # whose fault is it?
        value = work.ask(called, work.run(without=other).cvae_loss, *arguments, wanted="one number")
    if not isinstance(value, (torch.Tensor, float, int)):
        raise Wrong(called, told(value), "one number")
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        raise Wrong(called, told(value), "one number", "Add up over the images as well as over the pixels or units.")
    return value


def number(value):
    return float(value.detach() if isinstance(value, torch.Tensor) else value)


def needs_gradient(called, value, leaf, what):
    """The gradient of `value` for `leaf`; Wrong if there is none."""
    wanted, hint = f"a gradient for {what}", "The number is looked at; does the network ever hear about it?"
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        raise Wrong(called, f"{told(value)} without a gradient", wanted, hint)
    (slope,) = torch.autograd.grad(value, leaf, allow_unused=True)
    if slope is None or not slope.any():
        raise Wrong(called, f"no gradient for {what}", wanted, hint)
    return slope


# What one pixel costs, in nats: (guess, truth) -> cost
PIXEL = {(0.8, 1.0): 0.2231436, (0.8, 0.0): 1.6094379, (0.1, 0.0): 0.1053605, (0.8, 0.25): 1.2628643}
COIN = 0.6931472  # a guess of one half costs this, whatever the truth is


@judged
def test_reconstruction_loss(work):
    for batch in (3, 7):
        codes = torch.zeros(batch, 4), torch.zeros(batch, 4)

        def total(guess, truth, size=batch, codes=codes):
            both = torch.full((size, 784), guess), torch.full((size, 784), truth)
            return number(loss(work, "reconstruction_loss", *both, *codes))

        for (guess, truth), nats in PIXEL.items():
            # The difference of two reconstructions: the KL term, right or wrong, is in both and drops out.
            called = f"cvae_loss with {batch} images of {truth:g}, reconstructed once as {guess:g} and once as 0.5"
            got = total(guess, truth) - total(0.5, truth)
            count = batch * 784
            if abs(got - count * (nats - COIN)) <= 2e-4 * count:
                continue
            better, hint = nats < COIN, None
            if abs(got - (nats - COIN)) < 1e-3:
                hint = "That is the size of an average. Both terms must be counted in the same currency: sums."
            elif abs(got - 784 * (nats - COIN)) < 0.2:
                hint = "That is the size of one image; the loss is the sum over the whole batch."
            elif (got < 0) != better:
                hint = "The better reconstruction costs more: which of the two is the guess, and which sign has it?"
            wanted = f"the {'first' if better else 'second'} one is cheaper, by the binary cross entropy of every pixel"
            raise Wrong(called, f"a difference of {got:.5g} nats", wanted, hint)
    leaf = torch.full((3, 784), 0.3, requires_grad=True)
    value = loss(work, "reconstruction_loss", leaf, torch.ones(3, 784), torch.zeros(3, 4), torch.zeros(3, 4))
    needs_gradient("backward through cvae_loss", value, leaf, "the reconstruction")


# What one latent unit costs, in nats: (mu, logvar) -> cost. mu takes both signs, half of the units each.
UNIT = {(1.0, 0.0): 0.5, (2.0, 0.0): 2.0, (0.0, LOG4): 0.8068528, (0.0, -LOG4): 0.3181472, (1.0, LOG4): 1.3068528}


@judged
def test_kl_loss(work):
    def of_codes(mu, logvar):
        """The loss of grey reconstructions of black images, with these codes."""
        return loss(work, "kl_loss", torch.full((len(mu), 784), 0.5), torch.zeros(len(mu), 784), mu, logvar)

    def total(mu, logvar):
        return number(of_codes(mu, logvar))

    for batch, units in ((4, 6), (8, 3)):
        signs = torch.ones(batch, units)
        signs[::2] = -1
        nothing = torch.zeros(batch, units)
        points = [(f"mu = ±{m:g} and logvar = {v:.4g}", m * signs, nothing + v, nats) for (m, v), nats in UNIT.items()]
        both = (UNIT[0.0, LOG4] + UNIT[0.0, -LOG4]) / 2
        points.append((f"mu = 0 and logvar = ±{LOG4:.4g}", nothing, LOG4 * signs, both))
        for what, mu, logvar, nats in points:
            # The difference to the prior: the reconstruction term, right or wrong, is in both and drops out.
            per_unit = (total(mu, logvar) - total(nothing, nothing)) / (batch * units)
            if abs(per_unit - nats) <= 1e-3:
                continue
            hint = None
            if per_unit < 0:
                hint = "A divergence cannot be negative: look at the signs."
            elif min(abs(per_unit * k - nats) for k in (batch, batch * units, 784, batch * 784)) < 1e-3:
                hint = "That is an average of some kind. How should the penalty grow when the batch grows?"
            called = f"cvae_loss with {what}, compared with mu = logvar = 0 ({batch} images, {units} units)"
            wanted = "the KL divergence from the standard normal distribution, added up over all units and images"
            raise Wrong(called, f"{per_unit:.4g} nats more per unit", wanted, hint)
    few, many = torch.zeros(4, 3), torch.zeros(4, 50)
    at_prior = "nothing to pay at the prior, however many units there are"
    if abs(total(many, many) - total(few, few)) > 0.05:
        called = "cvae_loss with mu = logvar = 0, once with 3 latent units and once with 50"
        raise Wrong(called, "two different values", at_prior)
    if work.states.get("reconstruction_loss") == "right" and abs(total(few, few) - 4 * 784 * COIN) > 0.5:
        called = "cvae_loss with mu = logvar = 0"
        raise Wrong(called, "another value than the reconstruction alone explains", at_prior)
    mu, logvar = torch.ones(4, 3, requires_grad=True), torch.full((4, 3), LOG4, requires_grad=True)
    for what, leaf, slope in (("mu", mu, 1.0), ("logvar", logvar, 1.5)):
        called = f"backward through cvae_loss with mu = 1 and logvar = {LOG4:.4g}"
        found = needs_gradient(called, of_codes(mu, logvar), leaf, what)
        if not same(found, torch.full_like(found, slope), 1e-3):
            got, wanted = f"another slope for {what} than the value itself has", "value and slope that agree"
            raise Wrong(called, got, wanted, "The value is right; is a part of it cut off from the gradient?")


# ------------------------------------------------------------------------------------------------------- training

# The grader's settings. On the kit's digits a right answer reaches about 148 nats per image; with a dead latent code it
# stops at about 177 to 180, where the decoder draws the average digit of each class.
STEPS, BATCH, RATE = 400, 64, 1.5e-3
LIMIT, KL_FLOOR = 158.5, 3.0


@judged
def test_training(work):
    sets = [read_set(EXERCISE.folder, part) for part in ("train", "t10k")]
    (train_x, train_y), (test_x, test_y) = [(x[:6000].flatten(1).float() / 255, y[:6000]) for x, y in sets]
    called = f"{STEPS} training steps on real digits"
    model = work.ask("SimpleCVAE(latent_dim=16)", work.module.SimpleCVAE, latent_dim=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def run(x, y):
        """The model's outputs and their loss."""
        outputs = work.ask("model(x, labels)", model, x, y, wanted="reconstruction, mu, logvar")
        if not isinstance(outputs, tuple) or len(outputs) != 3:
            raise Wrong("model(x, labels)", told(outputs), "reconstruction, mu, logvar")
        return outputs, work.ask(called, work.module.cvae_loss, outputs[0], x, *outputs[1:], wanted="a loss")

    def score():
        """Nats per test digit, and the part of it that the latent code costs."""
        with torch.no_grad():
            (reconstruction, mu, _), value = run(test_x, test_y)
            zero = torch.zeros_like(mu)
            prior = work.module.cvae_loss(reconstruction, test_x, zero, zero)
        return number(value) / len(test_x), number(value - prior) / len(test_x)

    before, _ = score()
    for step in range(STEPS):
        chosen = torch.randint(len(train_x), (BATCH,))
        value = run(train_x[chosen], train_y[chosen])[1]
        if not torch.isfinite(value):
            raise Wrong(called, f"a loss of {number(value)} after {step} steps", "a loss that falls and stays finite")
        optimizer.zero_grad()
        work.ask(f"backward, in {called}", value.backward, wanted="gradients")
        optimizer.step()
    after, code = score()
    work.notes.append(f"training: {before:.0f} nats per unseen digit before, {after:.0f} after {STEPS} steps")
    if not after <= LIMIT or not code >= KL_FLOOR:
        got = f"from {before:.0f} to {after:.1f} nats per unseen digit, {code:.1f} of them for the latent code"
        raise Wrong(called, got, f"at most {LIMIT:g}, of which the latent code carries at least {KL_FLOOR:g}")
