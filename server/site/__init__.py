"""The page and its files, the documentation, and how the server itself is doing."""
