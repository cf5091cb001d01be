#!/usr/bin/env bash
# Installs what the real stack needs from the distribution's packages, and starts none of it.
#
# Called by `up`; does nothing when everything is there. Every service runs later as an instance of our
# own, so the packages' own services must never start: policy-rc.d forbids it while we install.
set -euo pipefail

wanted=()
need() { # COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || wanted+=("$2")
}
PATH=$PATH:/usr/sbin:/sbin
need nginx nginx
need pgbouncer pgbouncer
need redis-server redis-server
need openssl openssl
need node nodejs
need npm npm
need setpriv util-linux
if ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
  wanted+=(postgresql-15)
fi
if [[ ${WITH_PROMETHEUS:-1} == 1 ]]; then need prometheus prometheus; fi
if [[ ${WITH_EXPORTERS:-1} == 1 ]]; then
  need prometheus-node-exporter prometheus-node-exporter
  need prometheus-postgres-exporter prometheus-postgres-exporter
  need prometheus-redis-exporter prometheus-redis-exporter
  need prometheus-nginx-exporter prometheus-nginx-exporter
fi
((${#wanted[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
  echo "stack: missing ${wanted[*]}, and no apt-get here: install them by hand" >&2
  exit 1
fi
if ((EUID != 0)); then
  echo "stack: missing ${wanted[*]}: run once as root, or: apt-get install ${wanted[*]}" >&2
  exit 1
fi

policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
available() { [[ $(apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]; }
for package in "${wanted[@]}"; do
  if ! available "$package"; then
    echo "stack: apt-get update" >&2
    apt-get update -qq
    break
  fi
done
found=()
for package in "${wanted[@]}"; do
  if available "$package"; then
    found+=("$package")
  elif [[ $package == postgresql-15 ]] && available postgresql; then
    found+=(postgresql) # a later Debian
  elif [[ $package == prometheus-*-exporter ]]; then
    echo "stack: warning: no package $package here; that exporter is left out" >&2
  else
    echo "stack: no package $package here" >&2
    exit 1
  fi
done
((${#found[@]})) || exit 0
echo "stack: installing ${found[*]}" >&2
install() {
  apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=180 -o Dpkg::Use-Pty=0 \
    "${found[@]}" >"$log" 2>&1
}
log=$(mktemp)
install || { apt-get update -qq && install; } || { # a stale package list names files that are gone
  tail -n 20 "$log" >&2
  rm -f "$log"
  exit 1
}
rm -f "$log"
# The packages enable their services for the next boot; this machine is not theirs.
if command -v systemctl >/dev/null; then
  for package in "${found[@]}"; do
    if [[ $package != nodejs && $package != npm && $package != openssl && $package != util-linux ]]; then
      systemctl --no-reload disable "$package" >/dev/null 2>&1 || true
    fi
  done
fi
