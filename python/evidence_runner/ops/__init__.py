"""One file per operation. See ``operation.py`` for what an operation is."""
