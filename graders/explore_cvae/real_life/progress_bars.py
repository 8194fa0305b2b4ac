# Exercise 2, with progress bars
import logging
import torch
import torch.nn.functional as F

try:
    from tqdm import tqdm, trange
except ImportError:  # not everybody has it
    tqdm = lambda things, **_: things
    trange = lambda n, **_: range(n)

logging.basicConfig(filename='explore.log', level=logging.INFO)
log = logging.getLogger('explore')
log.addHandler(logging.FileHandler('explore2.log'))

def nats_per_image(reconstruction, images, mu, logvar):
    reconstruction_nats = F.binary_cross_entropy(reconstruction, images, reduction='sum') / images.size(0)
    kl_nats = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp()) / images.size(0)
    return float(reconstruction_nats), float(kl_nats)

def kl_per_unit(mu, logvar):
    kl = -0.5 * (1 + logvar - mu**2 - logvar.exp())
    return kl.sum(0) / len(mu)

def active_units(mu, threshold=0.01):
    mean = mu.mean(dim=0, keepdim=True)
    variance = ((mu - mean)**2).sum(dim=0) / (len(mu) - 1)
    return int((variance > threshold).sum())

@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    codes = torch.empty(size * size, 2)
    ticks = torch.linspace(-reach, reach, size)
    for row in range(size):
        for column in range(size):
            codes[row * size + column, 0] = ticks[column]
            codes[row * size + column, 1] = ticks[row]
    labels_onehot = F.one_hot(torch.full((size * size,), digit), 10).float()
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)

def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    losses = {}
    for size in tqdm(sizes, desc='sizes'):
        losses[size] = measure(train(size))
        log.info('size %d: %.2f', size, losses[size])
    best = min(losses.values())
    smallest = min(s for s in losses if losses[s] <= best + margin)
    return losses, smallest

@torch.no_grad()
def even_digits(model, count):
    codes = torch.randn(count, model.latent_dim)
    labels_onehot = torch.eye(10)[::2].repeat(count // 5 + 1, 1)[:count]
    return model.decode(codes, labels_onehot)

def enough_epochs(losses, gain=0.5):
    good = [i for i, loss in enumerate(losses, 1) if loss <= min(losses) + gain]
    return good[0]

def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    for epoch in trange(epochs, desc='training'):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch_size):
            x = images[chosen]
            reconstruction, mu, logvar = model(x, labels[chosen])
            loss = F.binary_cross_entropy(reconstruction, x, reduction='sum')
            loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        mean = total / len(images)
        history.append(mean)
        log.info('epoch %d: %.2f', epoch, mean)
        print(f'epoch {epoch}: {mean:.2f}')
    return history
