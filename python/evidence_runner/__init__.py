"""The worker package: everything that runs in a Python process. Started as ``python -m evidence_runner``."""
