"""The network of Exercise 3."""

from graders.cvae.network import Condition, Network
from reference.conditional_vae.cvae import SimpleCVAE

LABEL = Condition("labels_onehot", 10, "label", "How would the network learn which digit it is told of?")
NETWORK = Network(SimpleCVAE, (LABEL,), {"num_classes": 10})
