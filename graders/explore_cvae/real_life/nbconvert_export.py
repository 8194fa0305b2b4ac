#!/usr/bin/env python
# coding: utf-8

# # Exercises 1 and 2

# In[1]:


get_ipython().run_line_magic('load_ext', 'autoreload')
get_ipython().run_line_magic('autoreload', '2')
get_ipython().run_line_magic('matplotlib', 'inline')
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence
import matplotlib.pyplot as plt


# In[2]:


def nats_per_image(reconstruction, images, mu, logvar):
    reconstruction_nats = -(images * reconstruction.log() + (1 - images) * (1 - reconstruction).log()).sum(1).mean(0)
    kl_nats = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).sum(1).mean(0)
    return float(reconstruction_nats), float(kl_nats)


# In[3]:


def kl_per_unit(mu, logvar):
    return kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).mean(0)

def active_units(mu, threshold=0.01):
    return len([u for u in range(mu.shape[1]) if mu[:, u].var().item() > threshold])


# In[4]:


model = torch.load('cvae_checkpoint.pt', weights_only=False)
plt.bar(range(16), kl_per_unit(model['mu'], model['logvar']))


# In[5]:


@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    column = torch.linspace(-reach, reach, size).repeat(size)
    row = torch.linspace(-reach, reach, size).repeat_interleave(size)
    codes = torch.stack((column, row), -1)
    labels_onehot = F.one_hot(torch.tensor([digit] * size**2), 10).float()
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)


# In[6]:


def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    losses = {}
    for size in sizes:
        model = train(size)
        losses[size] = measure(model)
    smallest = None
    for size in sorted(sizes):
        if losses[size] <= min(losses.values()) + margin:
            smallest = size
            break
    return losses, smallest


# In[7]:


@torch.no_grad()
def even_digits(model, count):
    codes = torch.randn((count, model.latent_dim))
    labels_onehot = torch.zeros((count, 10))
    for i in range(count):
        labels_onehot[i, 2 * (i % 5)] = 1.0
    return model.decode(codes, labels_onehot)


# In[8]:


def enough_epochs(losses, gain=0.5):
    best = min(losses)
    epochs = [loss <= best + gain for loss in losses].index(True) + 1
    return epochs


# In[9]:


def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    data = torch.utils.data.TensorDataset(images, labels)
    loader = torch.utils.data.DataLoader(data, batch_size=batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    for epoch in range(epochs):
        total = 0
        for x, y in loader:
            reconstruction, mu, logvar = model(x, y)
            loss = F.binary_cross_entropy(reconstruction, x, reduction='sum') - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        history.append(total / len(data))
    return history


# In[10]:


get_ipython().run_cell_magic('capture', 'out', 'from conditional_vae import ConditionalVAE, main\nmain(["--subset"])\n')


# In[11]:


get_ipython().getoutput('ls -lh *.png')
