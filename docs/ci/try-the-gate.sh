#!/usr/bin/env bash
# Shows that the gate passes an unchanged stack and finds one whose payment tier has become 10 % slower.
# Fifteen runs of 20 s against the simulated stack: five minutes. Give it a quiet machine; elsewhere runs are
# not valid, and then the gate says so instead of passing: this script ends with 97 as well.
set -euo pipefail
out=${1:-reports/gate}

# expect CODE: what the gate answers, unless this machine is too busy for it to tell.
expect() {
  case $code in
    "$1") ;;
    97) echo "this machine is too busy to tell: try again when it is quiet" >&2; exit 97 ;;
    *) echo "the gate answered $code, not $1" >&2; exit 1 ;;
  esac
}

# What a run comes to does not matter here: the gate judges all five together.
plimsoll demo --repeat 5 --duration 20s --quiet --out "$out/released" || true
plimsoll runs promote "$out/released" --to "$out/baseline.json"

plimsoll demo --repeat 5 --duration 20s --quiet --out "$out/unchanged" || true
code=0
plimsoll gate "$out/unchanged" --baseline "$out/baseline.json" --step login --step pay --metric p50 --metric mean || code=$?
expect 0

plimsoll demo --repeat 5 --duration 20s --quiet --slow payment=10% --out "$out/slower" || true
code=0
plimsoll gate "$out/slower" --baseline "$out/baseline.json" --step login --step pay --metric p50 --metric mean --format markdown || code=$?
expect 98
echo "the gate passes what has not changed, and finds what has"
