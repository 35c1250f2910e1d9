"""Apple's App Store, asked by the iTunes Search API."""

from .store import Apple

__all__ = ["Apple"]
