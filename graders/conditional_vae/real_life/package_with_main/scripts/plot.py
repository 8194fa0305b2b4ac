import matplotlib.pyplot as plt
import torch

from models.cvae import SimpleCVAE

model = SimpleCVAE()
model.load_state_dict(torch.load("cvae.pt"))
y = torch.eye(10)
plt.imshow(model.decode(torch.randn(10, 16), y).detach().reshape(280, 28))
plt.show()
