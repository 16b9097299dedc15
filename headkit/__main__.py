"""`python -m headkit` is `headkit`."""

from headkit.cli import main

if __name__ == "__main__":
    main()
