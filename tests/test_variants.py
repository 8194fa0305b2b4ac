"""Every variant in the bank, and every ambiguous answer that is accepted, is a right answer.

Submissions are imported here in the tests' own process and compared with the reference directly, so that the banks
are proven without the graders that they are meant to prove. Every ambiguous answer that is not accepted fails here too.
"""

import importlib.util
import math
import random
import sys
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from graders.checks.bank import Entry, load
from reference.conditional_vae import cvae as reference

BANK = load("conditional_vae")
ACCEPTED = [entry for entry in BANK.ambiguous if entry.accepted]
REJECTED = [entry for entry in BANK.ambiguous if not entry.accepted]
BATCH = 7

pytestmark = pytest.mark.filterwarnings("ignore")  # a submission may warn


def name(entry):
    return entry.id


@pytest.fixture(scope="module", autouse=True)
def settings():
    """One thread, as on the grading path, and layers that start quickly: their weights are overwritten anyway."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Linear, "reset_parameters", fill)
        yield
    torch.set_num_threads(threads)
    torch.set_printoptions(profile="default")


def fill(layer):
    torch.nn.init.constant_(layer.weight, 0.01)
    if layer.bias is not None:
        torch.nn.init.zeros_(layer.bias)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """entry -> its module, imported from a file as a student's would be."""
    folder = tmp_path_factory.mktemp("variants")
    names = []

    @cache
    def imported(entry: Entry):
        path: Path = folder / f"cvae_{entry.id}.py"
        path.write_bytes(entry.source(BANK.reference).encode())
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        names.append(path.stem)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            spec.loader.exec_module(module)
        return module

    yield imported
    for stem in names:
        del sys.modules[stem]


@cache
def reference_model(latent_dim):
    model, source = reference.SimpleCVAE(latent_dim), torch.Generator().manual_seed(latent_dim)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.07, generator=source)
    return model


@cache
def models(module):
    """The submission's models by latent size, in train mode, with the reference's weights."""
    made = {16: module.SimpleCVAE(), 2: module.SimpleCVAE(latent_dim=2)}
    for latent_dim, model in made.items():
        wanted = reference_model(latent_dim).state_dict()
        assert shapes(model) == {name: value.shape for name, value in wanted.items()}
        model.load_state_dict(wanted)
        model.train()
    return made


@cache
def examples(latent_dim, batch=BATCH, dtype=torch.float32):
    """x, labels_onehot, z, mu, logvar; the last three of both signs."""
    source = torch.Generator().manual_seed(100 * batch + latent_dim)
    x = (torch.rand(batch, 784, generator=source) - 0.5).clamp(min=0) * 2
    labels_onehot = torch.eye(10)[torch.randint(10, (batch,), generator=source)]
    z, mu, logvar = (torch.randn(batch, latent_dim, generator=source) * scale for scale in (1.0, 1.5, 1.2))
    return [tensor.to(dtype) for tensor in (x, labels_onehot, z, mu, logvar)]


def shapes(model):
    return {name: value.shape for name, value in model.state_dict().items()}


def close(got, wanted, rtol, atol):
    """Whether tensors agree, or all tensors of two sequences do."""
    if isinstance(wanted, torch.Tensor):
        return got.shape == wanted.shape and torch.allclose(got.to(wanted.dtype), wanted, rtol=rtol, atol=atol)
    return len(got) == len(wanted) and all(close(*pair, rtol, atol) for pair in zip(got, wanted, strict=True))


def unchanged(function, *tensors):
    """What `function` returns; its arguments are no leaves, and have to be the same afterwards."""
    handed = [tensor * 1.0 for tensor in tensors]
    result = function(*handed)
    for before, after in zip(tensors, handed, strict=True):
        assert torch.equal(before, after), "an input was overwritten"
    return result


def has_the_starters_parameters(module):
    for model in models(module).values():
        assert len(shapes(model)) == len(list(model.parameters())) == 14


def encodes_and_decodes_like_the_reference(module):
    for latent_dim, batch in ((2, BATCH), (16, 1)):
        got, got_slopes = halves(models(module)[latent_dim], latent_dim, batch)
        wanted, wanted_slopes = reference_halves(latent_dim, batch)
        assert close(got, wanted, rtol=1e-4, atol=1e-6)
        assert close(got_slopes, wanted_slopes, rtol=1e-3, atol=1e-5)


@cache
def reference_halves(latent_dim, batch):
    return halves(reference_model(latent_dim), latent_dim, batch)


def halves(model, latent_dim, batch):
    """mu, logvar and reconstruction, and the gradients of a weighted sum of them for the inputs and all biases."""
    x, labels_onehot, z, _, _ = (tensor.clone().requires_grad_() for tensor in examples(latent_dim, batch))
    mu, logvar = unchanged(model.encode, x, labels_onehot)
    outputs = mu, logvar, unchanged(model.decode, z, labels_onehot)
    total = sum((torch.linspace(0.5, 1.5, output.numel()) * output.flatten()).sum() for output in outputs)
    biases = [parameter for name, parameter in sorted(model.named_parameters()) if name.endswith("bias")]
    return outputs, torch.autograd.grad(total, [x, labels_onehot, z, *biases])


def samples_with_the_right_gradients(module):
    for latent_dim, batch, dtype in ((2, BATCH, torch.float32), (16, 1, torch.float64)):
        model = models(module)[latent_dim]
        *_, mu, logvar = examples(latent_dim, batch, dtype)
        spreads = (logvar, torch.full_like(mu, 19.0), torch.full_like(mu, -29.0))
        for spread in spreads if dtype == torch.float32 else spreads[:1]:
            leaves = [mu.clone().requires_grad_(), spread.clone().requires_grad_()]
            z = unchanged(model.reparameterize, *leaves)
            assert z.shape == mu.shape
            assert z.dtype == mu.dtype
            of_mu, of_logvar = torch.autograd.grad(z.sum(), leaves)
            added = z.detach() - mu
            assert close(of_mu, torch.ones_like(mu), rtol=1e-5, atol=0)
            assert close(of_logvar, 0.5 * added, rtol=1e-4, atol=1e-6 * (1 + mu.abs().max().item()))
            assert (added != 0).any()
        assert close(model.reparameterize(mu * 1.0, torch.full_like(mu, -60.0)), mu, rtol=1e-5, atol=1e-5)


def draws_standard_normal_noise(module):
    """Crude on purpose: mean, spread, independence of rows, units and calls at seven standard errors or more."""
    calls, batch, latent_dim = 4, 128, 16
    zeros = torch.zeros(batch, latent_dim)
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    drawn = [models(module)[latent_dim].reparameterize(zeros * 1.0, zeros * 1.0) for _ in range(calls)]
    noise = torch.stack(drawn).double().detach()
    count = noise.numel()
    assert abs(noise.mean()) * math.sqrt(count) < 7
    assert abs(noise.square().mean() - 1) * math.sqrt(count / 2) < 7
    assert abs(noise.pow(4).mean() - 3) * math.sqrt(count / 96) < 7
    for axis in range(3):
        means = noise.mean(dim=axis) * math.sqrt(noise.shape[axis])
        assert abs(means.square().mean() - 1) * math.sqrt(means.numel() / 2) < 9
    for first, second in ((noise[:2], noise[2:]), (noise[:, : batch // 2], noise[:, batch // 2 :])):
        assert abs((first * second).mean()) * math.sqrt(first.numel()) < 7
    assert noise.unique().numel() > 0.99 * count


def has_the_references_loss(module):
    for latent_dim, batch in ((2, BATCH), (16, 1)):
        got = losses(module.cvae_loss, latent_dim, batch, torch.float32)
        wanted = reference_losses(latent_dim, batch)
        for (value, slopes), (wanted_value, wanted_slopes) in zip(got, wanted, strict=True):
            assert close(value, wanted_value, rtol=1e-5, atol=0)
            assert close(slopes, wanted_slopes, rtol=1e-4, atol=1e-4)
        # The divergence alone, which is a small part of the sum.
        assert close(got[0][0].double() - got[1][0].double(), wanted[0][0] - wanted[1][0], rtol=1e-3, atol=1e-3)


@cache
def reference_losses(latent_dim, batch):
    return losses(reference.cvae_loss, latent_dim, batch, torch.float64)


def losses(function, latent_dim, batch, dtype):
    """Value and gradients at ordinary mu and logvar, and at the prior."""
    x, _, _, mu, logvar = examples(latent_dim, batch, dtype)
    source = torch.Generator().manual_seed(batch)
    reconstruction = (0.02 + 0.96 * torch.rand(batch, 784, generator=source)).to(dtype)
    found = []
    for scale in (1, 0):
        leaves = [tensor.clone().requires_grad_() for tensor in (reconstruction, scale * mu, scale * logvar)]
        value = unchanged(lambda r, m, v: unchanged(lambda image: function(r, image, m, v), x), *leaves)
        assert isinstance(value, torch.Tensor)
        assert value.numel() == 1
        found.append((value.detach().reshape(()), torch.autograd.grad(value, leaves)))
    return found


def goes_forward_and_back(module):
    model, wanted, drawn = models(module)[2], reference_model(2), []
    x, labels = examples(2)[0], torch.tensor([3, 1, 4, 1, 5, 2, 2])
    labels_onehot = torch.nn.functional.one_hot(labels, 10).float()
    before, sample = shapes(model), model.reparameterize
    model.reparameterize = lambda *arguments: drawn.append(sample(*arguments)) or drawn[-1]
    try:
        reconstruction, mu, logvar = model(x, labels)
    finally:
        del model.reparameterize
    assert close((mu, logvar), wanted.encode(x, labels_onehot), rtol=1e-4, atol=1e-6)
    assert close(reconstruction, wanted.decode(drawn[0], labels_onehot), rtol=1e-4, atol=1e-6)
    module.cvae_loss(reconstruction, x, mu, logvar).backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in model.parameters())
    assert shapes(model) == before, "the call added something to the model"


PROPERTIES = (
    has_the_starters_parameters,
    encodes_and_decodes_like_the_reference,
    samples_with_the_right_gradients,
    draws_standard_normal_noise,
    has_the_references_loss,
    goes_forward_and_back,
)


@pytest.mark.parametrize("entry", BANK.variants, ids=name)
def test_variant_is_right(entry, build):
    module = build(entry)
    for property_ in PROPERTIES:
        property_(module)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("entry", ACCEPTED, ids=name)
def test_accepted_answer_is_right(entry, build):
    for property_ in PROPERTIES:
        property_(build(entry))


@pytest.mark.parametrize("entry", REJECTED, ids=name)
def test_rejected_answer_differs(entry, build):
    def holds(property_):
        try:
            property_(build(entry))
        except Exception:
            return False
        return True

    assert not all(holds(property_) for property_ in PROPERTIES)


def test_variants_are_many_and_distinct():
    sources = {entry.source(BANK.reference) for entry in (*BANK.variants, *BANK.ambiguous)}
    assert len(sources) == len(BANK.variants) + len(BANK.ambiguous)
    assert len(BANK.variants) >= 100
    assert all(entry.note.endswith(".") for entry in BANK.variants)
    assert all(entry.policy.endswith(".") for entry in BANK.ambiguous)


def test_every_task_has_variants():
    tasks = {entry.task for entry in BANK.variants}
    assert tasks == {
        "encoder_dims", "decoder_dims", "encode", "reparameterize",
        "decode", "reconstruction_loss", "kl_loss", "training",
    }  # fmt: skip
