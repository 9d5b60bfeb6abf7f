"""Makes the golden cases in tests/fixtures/goldens, or checks its own models against a folder of cases.

    python tools/make_goldens.py                 writes tests/fixtures/goldens
    python tools/make_goldens.py --lora          writes the LoRA adapters of the cases that are there, and nothing else
    python tools/make_goldens.py --check DIR     compares with every case under DIR; exit code 1 on a difference

Needs torch, numpy and safetensors.
"""

import argparse
import sys
from pathlib import Path

import torch

from goldens.check import check
from goldens.lora import make_adapters
from goldens.make import make


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", metavar="DIR", help="compare with the cases under DIR and write nothing")
    parser.add_argument("--lora", action="store_true", help="write only the LoRA adapters of the cases")
    default = Path(__file__).parent.parent / "tests" / "fixtures" / "goldens"
    parser.add_argument("--out", metavar="DIR", type=Path, default=default)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.check:
        sys.exit(0 if check(options.check) else 1)
    if not options.lora:
        make(options.out)
    make_adapters(options.out)


main()
