"""``python -m regnas``."""

from regnas.cli import main

if __name__ == "__main__":
    main()
