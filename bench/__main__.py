"""`python -m bench ratios`, `day` or `soak`: see docs/performance.md."""

import argparse
import sys

from bench import hall_day, ratios, soak


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the server on this machine")
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    ratios.add_options(kinds.add_parser("ratios", help="each figure beside its yardstick of the same run"))
    hall_day.add_options(kinds.add_parser("day", help="a day of a hall, and whether each promise was kept"))
    soak.add_options(kinds.add_parser("soak", help="steady traffic, and what the server holds on to"))
    options = parser.parse_args()
    return options.run(options)


if __name__ == "__main__":
    sys.exit(main())
