"""The command line's commands: a file each, with ``add_arguments`` and ``main``."""
