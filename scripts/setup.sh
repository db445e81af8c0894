#!/usr/bin/env bash
# Installs what the tests need and this machine lacks, when it may: as root,
# with apt-get. Otherwise it says what is missing. Without a required program it
# fails; without one of the others, tests are skipped, or fail when CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
for dir in /usr/lib/postgresql/*/bin; do PATH=$PATH:$dir; done # in nobody's PATH

# program:package of Debian; gcc is for the race detector.
required="git:git gcc:gcc gcc:libc6-dev"
optional="curl:curl nginx:nginx redis-server:redis-server postgres:postgresql"
if [ -n "$(npm_dirs)" ]; then
  optional="$optional node:nodejs npm:npm chromium:chromium"
fi

# packages PAIR... prints the packages of the programs that are missing.
packages() {
  local pair
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || printf '%s ' "${pair#*:}"
  done
}

# install PACKAGE... installs, without starting the servers among them.
install() {
  local policy=/usr/sbin/policy-rc.d
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  apt-get install -qy --no-install-recommends "$@"
}

if ! command -v go >/dev/null; then
  say "Go is missing; see https://go.dev/doc/install"
  exit 1
fi
# shellcheck disable=SC2086 # lists of words
missing=$(packages $required $optional)
if [ -n "$missing" ]; then
  step "missing: $missing"
  if ! command -v apt-get >/dev/null; then
    say "there is no apt-get to install it with"
  elif [ "$(id -u)" != 0 ]; then
    say "sudo apt-get install --no-install-recommends $missing"
  else
    # shellcheck disable=SC2086
    install $missing || say "apt-get failed"
  fi
fi
# shellcheck disable=SC2086
if [ -n "$(packages $required)" ]; then
  say "cannot go on without: $(packages $required)"
  exit 1
fi

if command -v npm >/dev/null; then
  for dir in $(npm_dirs); do
    # npm leaves a copy of the lock file, which tells whether it has run.
    if [ "$dir/node_modules/.package-lock.json" -ot "$dir/package-lock.json" ]; then
      step "npm ci in $dir"
      npm ci --prefix "$dir" --no-audit --no-fund || say "npm failed: tests that need its packages are skipped, or fail when CI=true"
    fi
  done
fi
