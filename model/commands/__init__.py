"""One file for each command of ``python -m model``: ``add_arguments`` and ``main``."""
