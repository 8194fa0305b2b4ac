"""Questions to a submission on attention."""

import torch

from cvaekit.sandbox.probe import Unexpected, call, describe

FORMS = {"causal_mask": torch.Tensor, "attend": torch.Tensor}


def _tensor(found):
    if not isinstance(found, torch.Tensor):
        raise Unexpected(describe(found))
    return found.detach()


def causal_mask(module, length):
    return _tensor(call(lambda: module.causal_mask(length)))


def attend(module, query, key, value, mask=None):
    return _tensor(call(lambda: module.attend(query, key, value, mask)))
