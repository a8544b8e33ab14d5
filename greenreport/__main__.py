"""``python -m greenreport``."""

from greenreport.cli import main

if __name__ == "__main__":
    main()
