"""A process that claims a device or cores, prints what it got, and lives until its input ends."""

import sys

from src.machine import claims


def main(function: str, *arguments: str) -> None:
    print("claiming", flush=True)
    if function == "claim_one":
        print(claims.claim_one(list(arguments)), flush=True)
    else:
        count, *cores = map(int, arguments)
        claims.claim_cores(count, cores)
        print("claimed", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
