"""The complete `SimpleCVAE` and `cvae_loss` of the module Conditional VAEs."""
