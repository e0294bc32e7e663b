"""`python -m bench` replays a day (bench/hall_day.py)."""

import sys

from bench.hall_day import main

if __name__ == "__main__":
    sys.exit(main())
