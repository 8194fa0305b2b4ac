"""Übung 1 und 2: Fragen an ein trainiertes Modell.

Abgabe von Gruppe 4.
"""
import argparse
import csv
import torch
import torch.nn.functional as F

zerlegt = argparse.ArgumentParser(description="Übung 2")
zerlegt.add_argument("modell", help="Datei mit den Gewichten")
zerlegt.add_argument("--ziffer", type=int, choices=range(10), default=3)


def nats_per_image(reconstruction, images, mu, logvar):
    # Summe über Bildpunkte, Mittel über Bilder
    anzahl = len(images)
    reconstruction_nats = F.binary_cross_entropy(reconstruction, images, reduction="sum") / anzahl
    kl_nats = kl_per_unit(mu, logvar).sum()
    return float(reconstruction_nats), float(kl_nats)


def kl_per_unit(mu, logvar):
    # dieselbe Formel, aber die Einheiten bleiben übrig
    return (-0.5 * (1 + logvar - mu.pow(2) - logvar.exp())).mean(dim=0)


def active_units(mu, threshold=0.01):
    streuung = mu.var(dim=0)
    return int(torch.count_nonzero(streuung > threshold))


@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    werte = torch.linspace(-reach, reach, size)
    zweite, erste = torch.meshgrid(werte, werte, indexing="ij")
    codes = torch.column_stack([erste.reshape(-1), zweite.reshape(-1)])
    labels_onehot = F.one_hot(torch.full([size * size], digit), 10).float()
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)


def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    losses = {groesse: measure(train(groesse)) for groesse in sizes}
    bester = min(losses.values())
    smallest = min(filter(lambda g: losses[g] <= bester + margin, losses))
    return losses, smallest


@torch.no_grad()
def even_digits(model, count):
    codes = torch.randn(count, model.latent_dim)
    ziffern = torch.arange(0, 2 * count, 2) % 10
    return model.decode(codes, F.one_hot(ziffern, 10).float())


def enough_epochs(losses, gain=0.5):
    grenze = min(losses) + gain
    return next(i for i, verlust in enumerate(losses, start=1) if verlust <= grenze)


def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    for _ in range(epochs):
        summe = 0.0
        for auswahl in torch.randperm(len(images)).split(batch_size):
            bilder = images[auswahl]
            reconstruction, mu, logvar = model(bilder, labels[auswahl])
            loss = F.binary_cross_entropy(reconstruction, bilder, reduction="sum")
            loss = loss + 0.5 * torch.sum(mu.pow(2) + logvar.exp() - 1 - logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            summe += loss.item()
        history.append(summe / len(images))
    return history


optionen = zerlegt.parse_args()
with open("verluste.csv", "w", newline="", encoding="cp1252") as datei:
    csv.writer(datei, delimiter=";").writerow(["Größe", "Verlust"])
gewichte = torch.load(optionen.modell)
