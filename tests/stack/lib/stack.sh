#!/usr/bin/env bash
# Makes sure that the packages are there, then hands over to Node.
set -euo pipefail
lib=$(dirname "$(readlink -f "$0")")
if [[ $1 == up && " $* " != *" --help "* ]]; then
  with_prometheus=1 with_exporters=1
  [[ " $* " == *" --no-prometheus "* ]] && with_prometheus=0
  [[ " $* " == *" --no-exporters "* ]] && with_exporters=0
  WITH_PROMETHEUS=$with_prometheus WITH_EXPORTERS=$with_exporters "$lib/install.sh"
fi
if ! command -v node >/dev/null; then
  [[ $1 == down ]] && exit 0 # never was up
  echo "stack: node is missing; \`up\` installs it" >&2
  exit 1
fi
exec node "$lib/main.mjs" "$@"
