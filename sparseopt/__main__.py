"""``python -m sparseopt`` is the ``sparseopt`` command."""

from sparseopt.cli import main

if __name__ == "__main__":
    main()
