"""Thin transports over the runtime."""
