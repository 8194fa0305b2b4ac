import torch.nn.functional as F


def linear_relu(layer, x):
    """relu(Wx + b)"""
    return F.relu(layer(x))
