"""``python -m tightloop.bench``: the same as ``tightloop bench``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tightloop.bench.main import KEYS, PARTS, WARM_S, main
from tightloop.bench.speed import ROUNDS

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tightloop.bench", description=__doc__)
    parser.add_argument("--bootstrap", help="a broker of your own; without it one is started")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    parser.add_argument("--keys", type=int, nargs="+", default=list(KEYS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of ring and loop in turn, at each number of keys")
    parser.add_argument("--warm", type=float, dest="warm_s", default=WARM_S, help="seconds of each before measuring")
    parser.add_argument("--profiles", type=Path, help="a folder for a profile of each component")
    parser.add_argument("--record", action="store_true", help="with everything recorded")
    sys.exit(main(**vars(parser.parse_args())))
