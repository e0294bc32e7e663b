"""Every request's way in: who asks, the order of checks, problems, OpenAPI, locale."""
