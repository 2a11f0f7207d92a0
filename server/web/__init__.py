"""HTTP around everything: one shape for errors, multipart forms, middleware, numbers for Prometheus."""
