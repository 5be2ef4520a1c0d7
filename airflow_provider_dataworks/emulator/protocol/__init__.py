"""The OpenAPI's protocol: signatures, parameters, the dispatch to an action, responses, faults."""
