"""The commands of ``python -m model``, one file each with ``add_arguments`` and ``main``."""
