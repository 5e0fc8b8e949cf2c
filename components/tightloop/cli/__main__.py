"""``python -m tightloop.cli``: the same as ``tightloop``."""

from tightloop.cli.main import main

if __name__ == "__main__":
    main()
