"""Trials of the promises: a server dies under a workload, and the oracle says what was kept. Start with trial.py."""
