"""Tallystick: a credits and billing server whose books can be proved."""

__version__ = "0.1.0"
