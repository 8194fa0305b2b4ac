"""Explain a wrong answer: find the known mistake that computes what a submission computed."""
