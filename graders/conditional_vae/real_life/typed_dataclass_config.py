"""Exercise 3 with a configuration object and a registry."""
from dataclasses import asdict, dataclass
from enum import Enum
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, Union

import torch
from torch import Tensor, nn
import torch.nn.functional as F


class Activation(Enum):
    RELU = "relu"
    TANH = "tanh"

    @property
    def function(self) -> Callable[[Tensor], Tensor]:
        return {"relu": F.relu, "tanh": torch.tanh}[self.value]


@dataclass
class ModelConfig:
    latent_dim: int = 16
    num_classes: int = 10
    hidden_dims: Tuple[int, ...] = (256, 128)
    activation: Activation = Activation.RELU
    checkpoint: Optional[str] = None

    def __post_init__(self) -> None:
        if self.latent_dim <= 0:
            raise ValueError("latent_dim must be positive")


MODELS: Dict[str, Type[nn.Module]] = {}


def register(name: str) -> Callable[[Type[nn.Module]], Type[nn.Module]]:
    def wrap(cls: Type[nn.Module]) -> Type[nn.Module]:
        MODELS[name] = cls
        return cls

    return wrap


@register("cvae")
class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim: int = 16, num_classes: int = 10, config: Optional[ModelConfig] = None):
        super().__init__()
        self.config = config or ModelConfig(latent_dim, num_classes)
        self.latent_dim = self.config.latent_dim
        self.num_classes = self.config.num_classes
        h1, h2 = self.config.hidden_dims
        self.encoder_fc1 = nn.Linear(784 + self.num_classes, h1)
        self.encoder_fc2 = nn.Linear(h1, h2)
        self.fc_mu = nn.Linear(h2, self.latent_dim)
        self.fc_logvar = nn.Linear(h2, self.latent_dim)
        self.decoder_fc1 = nn.Linear(self.latent_dim + self.num_classes, h2)
        self.decoder_fc2 = nn.Linear(h2, h1)
        self.decoder_fc3 = nn.Linear(h1, 784)
        self._act: Callable[[Tensor], Tensor] = self.config.activation.function

    def encode(self, x: Tensor, labels_onehot: Tensor) -> Tuple[Tensor, Tensor]:
        h = torch.cat([x, labels_onehot], dim=1)
        h = self._act(self.encoder_fc1(h))
        h = self._act(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(logvar)

    def decode(self, z: Tensor, labels_onehot: Tensor) -> Tensor:
        h = torch.cat([z, labels_onehot], dim=1)
        h = self._act(self.decoder_fc1(h))
        h = self._act(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x: Tensor, labels: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        return self.decode(self.reparameterize(mu, logvar), labels_onehot), mu, logvar


bce: Callable[..., Tensor] = partial(F.binary_cross_entropy, reduction="sum")


def cvae_loss(reconstruction: Tensor, original: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    kl: Tensor = 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1.0).sum()
    return bce(reconstruction, original) + kl


def build(name: str, **kwargs: Any) -> nn.Module:
    return MODELS[name](**kwargs)


config = ModelConfig(latent_dim=8)
print(asdict(config))
model: nn.Module = build("cvae", config=config)
weights: List[Tensor] = [p.detach() for p in model.parameters()]
maybe: Union[str, None] = config.checkpoint
model.load_state_dict(torch.load(maybe or "runs/best.ckpt", weights_only=True))
