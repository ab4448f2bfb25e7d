"""`python -m reinrelax`."""

from reinrelax.cli import main

if __name__ == "__main__":
    main()
