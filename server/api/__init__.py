"""``/api/v1``: one file an application, and what they share."""
