# -*- coding: latin-1 -*-
"""Exercice 3 : un auto-encodeur variationnel conditionnel, écrit à partir de zéro.

L'étiquette est donnée à l'encodeur et au décodeur.
"""
import locale
locale.setlocale(locale.LC_ALL, "fr_FR.ISO8859-1")

import torch
import torch.nn as nn
import torch.nn.functional as F


class SimpleCVAE(nn.Module):
    """Modèle conditionnel ; les couches gardent leurs noms d'origine."""

    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        # entrée : l'image (784 pixels) et son étiquette, côte à côte
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        # entrée : le code latent et la même étiquette
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        entree = torch.cat((x, labels_onehot), dim=1)
        cachee = F.relu(self.encoder_fc1(entree))
        cachee = F.relu(self.encoder_fc2(cachee))
        return self.fc_mu(cachee), self.fc_logvar(cachee)

    def reparameterize(self, mu, logvar):
        # l'écart-type est la racine de la variance, donc exp(logvar / 2)
        ecart_type = torch.exp(0.5 * logvar)
        bruit = torch.randn_like(ecart_type)
        return mu + bruit * ecart_type

    def decode(self, z, labels_onehot):
        entree = torch.cat((z, labels_onehot), dim=1)
        cachee = F.relu(self.decoder_fc1(entree))
        cachee = F.relu(self.decoder_fc2(cachee))
        return torch.sigmoid(self.decoder_fc3(cachee))

    def forward(self, x, labels):
        etiquettes = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, etiquettes)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, etiquettes), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    """Coût total : entropie croisée + divergence de Kullback-Leibler, sommées."""
    entropie = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    divergence = 0.5 * (logvar.exp() + mu.pow(2) - 1 - logvar).sum()
    return entropie + divergence


if not __debug__:
    raise RuntimeError("lancer sans -O, s'il vous plaît")

reponse = input("Entraîner le modèle maintenant (o/n) ? ")
assert reponse in ("o", "n"), "répondre par o ou n"
print("Déjà terminé, à bientôt !")
