### BEGIN SOLUTION
#: """Attention: fill the gaps."""
"""Scaled dot-product attention."""
### END SOLUTION

import torch


def causal_mask(length):
    # -> (length, length) bool: True where the word of the row may look at the word of the column
    # TODO (causal_mask): Allow the word itself and all earlier ones
    ### BEGIN SOLUTION
    #: mask = ...
    mask = torch.tril(torch.ones(length, length)).bool()
    ### END SOLUTION
    return mask


def attend(query, key, value, mask=None):
    # query, key: (..., words, width); value: (..., words, any) -> (..., words, any)
    # TODO (attend): Weigh the values by the softmax of the scaled products of query and key
    ### BEGIN SOLUTION
    #: scores = ...
    #: mixed = ...
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    mixed = torch.softmax(scores, dim=-1) @ value
    ### END SOLUTION
    return mixed
