#!/usr/bin/env python
# coding: utf-8

# # Exercise 3
# 
# *conditional VAE*, seven gaps

# In[1]:


get_ipython().system('pip install torch torchvision --quiet')
get_ipython().run_line_magic('matplotlib', 'inline')
get_ipython().run_line_magic('config', "InlineBackend.figure_format = 'retina'")


# In[2]:


import torch
import torch.nn as nn
import torch.nn.functional as F
import matplotlib.pyplot as plt
from ipywidgets import interact, IntSlider
from IPython.display import display, clear_output


# ## Task 1 to 5

# In[7]:


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        combined = torch.column_stack([x, labels_onehot])
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn(*mu.shape).to(mu)
        z = mu + std * epsilon
        return z

    def decode(self, z, labels_onehot):
        combined = torch.column_stack([z, labels_onehot])
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


# In[8]:


SimpleCVAE()


# ## Task 6 and 7

# In[12]:


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * (1 + logvar - mu**2 - torch.exp(logvar)).sum()
    return recon_loss + kl_loss


# In[13]:


get_ipython().run_cell_magic('time', '', 'from images import read_set\nfrom pathlib import Path\n\nimages, labels = read_set(Path("."), "train")\nx = images.flatten(1) / 255\n')


# In[14]:


model = SimpleCVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
losses = []
for step in range(2000):
    i = torch.randint(len(x), (64,))
    r, mu, logvar = model(x[i], labels[i])
    loss = cvae_loss(r, x[i], mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item() / 64)
    if step % 100 == 0:
        clear_output(wait=True)
        plt.plot(losses)
        plt.show()


# In[15]:


@interact(digit=IntSlider(min=0, max=9), a=(-3.0, 3.0), b=(-3.0, 3.0))
def draw(digit=3, a=0.0, b=0.0):
    z = torch.zeros(1, 16)
    z[0, 0], z[0, 1] = a, b
    y = F.one_hot(torch.tensor([digit]), 10).float()
    plt.imshow(model.decode(z, y).detach().view(28, 28), cmap='gray')


# In[ ]:




