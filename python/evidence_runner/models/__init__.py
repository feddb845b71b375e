"""One file per architecture, and `checkpoint.py`, which reads what a model folder says about itself.

Nothing here imports mlx at module import: a worker says hello before it pays for that.
"""
