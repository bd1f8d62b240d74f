"""Advantage actor-critic for slates."""
