"""Exercises 1 and 2, complete: what a trained model says of its losses, its latent space and its digits."""
