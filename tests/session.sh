#!/usr/bin/env bash
# A session in a real terminal (tmux): launcher → demo ais → raise the rate → mark → stop → verdict → history,
# then what is left of the terminal after kill -TERM. Usage: tests/session.sh PATH-OF-PLIMSOLL
set -euo pipefail
plimsoll=$(realpath "$1")
work=$(mktemp -d)
socket="plimsoll-session-$$"
t() { tmux -L "$socket" "$@"; }
trap 't kill-server 2>/dev/null; rm -rf "$work"' EXIT

screen() { t capture-pane -p -t s; }

# Looks for a text on the screen, for 30 s at the most.
see() {
  for _ in $(seq 300); do
    if screen | grep -qF -- "$1"; then echo "  saw: $1"; return; fi
    sleep 0.1
  done
  echo "never saw: $1" >&2
  screen >&2
  exit 1
}

press() { t send-keys -t s "$@"; }

cd "$work"
t -f /dev/null new-session -d -s s -x 120 -y 40 "env TERM=screen-256color bash --norc"
press "PS1='ready> '; '$plimsoll'; echo left with \$?" Enter
see "demo ais"
press Enter
see "RUNNING"
see "0:03/0:27"
press PageUp
see "rate +10 % to"
press m
see "what happened?"
press -l "cache warm"
press Enter
see "⚑ cache warm"
press s
see "measurement"
see "where the time went"
press H
see "history: 1 run"
press q
see "left with 130"
see "reports: reports/ais/"
log=$(echo reports/ais/*/run.jsonl)
grep -q '"steered":"rate +10 %' "$log"
grep -q '"mark":"cache warm"' "$log"
echo "  in run.jsonl: steered, mark"

press "clear; '$plimsoll'; echo left with \$?" Enter
see "last runs"
pane=$(t display -p -t s '#{pane_pid}')
kill -TERM "$(pgrep -P "$pane" -f plimsoll | head -1)"
see "left with"
[ "$(t display -p -t s '#{alternate_on}')" = 0 ]
press "clear; stty -a | tr ';' '\n' | grep -o -- '-\?icanon\|-\?echo\b'" Enter
see "icanon"
if screen | grep -q -- "-icanon"; then echo "the terminal is still raw" >&2; exit 1; fi
echo "  after kill -TERM the terminal is as before"
