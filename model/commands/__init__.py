"""The commands of ``python -m model``, one file each."""
