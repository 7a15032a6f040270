"""Writes the OpenAPI document and its page for people from the protos and their comments."""
