"""The edge: Envoy, which speaks REST outside and gRPC inside, configured from the protos."""
