"""The network of the Challenge."""

from graders.cvae.network import Condition, Network
from reference.thickness_cvae.thickness import ThicknessCVAE

HINT = "Which way does it take from the arguments to the first layer?"
DIGIT, THICKNESS = Condition("digit", 10, "digit", HINT), Condition("thickness", 3, "thickness", HINT)
NETWORK = Network(ThicknessCVAE, (DIGIT, THICKNESS), {"num_digits": 10, "num_thicknesses": 3})
