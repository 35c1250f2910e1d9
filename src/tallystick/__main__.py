"""``python -m tallystick`` is the same as ``tallystick``."""

from .cli import main

if __name__ == "__main__":
    main()
