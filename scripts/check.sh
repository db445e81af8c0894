#!/usr/bin/env bash
# check.sh lint|tidy|fuzz|all: checks every Go module of the tree, each by itself, as
# its users have it (GOWORK=off), and stops at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Of golang.org/x/vuln, v1.9.0 needs a version of a module that cannot be had.
staticcheck_version=honnef.co/go/tools/cmd/staticcheck@v0.8.2
govulncheck_version=golang.org/x/vuln/cmd/govulncheck@v1.8.0

root=$PWD
modules=$(modules)
now="start"
skipped=()
fuzzed=0

begin() {
  now="$*"
  step "[$((SECONDS / 60))m$((SECONDS % 60))s] $now"
}
skip() {
  say "SKIPPED: $*"
  skipped+=("$*")
}
finish() {
  local rc=$?
  if [ "$rc" != 0 ]; then
    step "FAILED at: $now"
  else
    step "passed in $((SECONDS / 60))m$((SECONDS % 60))s: $(wc -w <<<"$modules") modules, $fuzzed fuzz targets run"
    for s in ${skipped[@]+"${skipped[@]}"}; do say "skipped: $s"; done
  fi
}
trap finish EXIT

# tool PACKAGE@VERSION builds the tool once for this version of Go, and prints
# where it is.
tool() {
  local name=${1##*/} dir
  dir=$root/.tools/$(go env GOVERSION)/$name
  if [ ! -x "$dir/${name%@*}" ]; then
    GOWORK=off GOFLAGS= GOBIN=$dir go install "$1" >&2 || return
  fi
  printf '%s\n' "$dir/${name%@*}"
}

# vulnerabilities checks one module. Findings fail; what cannot be asked is
# skipped.
vulnerabilities() {
  local out rc=0
  out=$("$govulncheck" ./... 2>&1) || rc=$?
  if [ "$rc" = 0 ]; then
    return
  fi
  if [ "$rc" != 3 ] && grep -q 'fetching vulnerabilities' <<<"$out"; then
    govulncheck=
    skip "govulncheck: its database cannot be reached"
    return
  fi
  printf '%s\n' "$out"
  return "$rc"
}

lint() {
  local m unformatted platform staticcheck govulncheck

  begin "gofmt"
  unformatted=$(files '*.go' | xargs -r gofmt -l)
  if [ -n "$unformatted" ]; then
    printf '%s\n' "$unformatted"
    say "not formatted: make tidy"
    return 1
  fi

  begin "go.work lists every module"
  diff <(sort <<<"$modules") <(go work edit -json | sed -n 's/.*"DiskPath": "\(.*\)".*/\1/p' | sed 's|^\./||' | sort) ||
    { say "go.work (>) and the modules of the tree (<) differ: make tidy"; return 1; }

  begin "build $staticcheck_version and $govulncheck_version"
  staticcheck=$(tool "$staticcheck_version")
  govulncheck=$(tool "$govulncheck_version") || skip "govulncheck: it cannot be built"

  for m in $modules; do
    begin "$m: go mod tidy, build, vet, staticcheck, govulncheck"
    (cd "$m" && GOWORK=$root/go.work go vet ./...)
    (cd "$m" && export GOWORK=off && go mod tidy -diff && go build -o /dev/null ./... && go vet ./... && "$staticcheck" ./...)
    if [ -n "$govulncheck" ]; then
      pushd "$m" >/dev/null
      GOWORK=off vulnerabilities
      popd >/dev/null
    fi
  done

  for platform in windows/amd64 darwin/arm64 linux/386; do
    begin ".: go vet for $platform"
    GOWORK=off CGO_ENABLED=0 GOOS=${platform%/*} GOARCH=${platform#*/} go vet ./...
  done
}

tidy() {
  local m
  begin "tidy"
  files '*.go' | xargs -r gofmt -w
  for m in $modules; do
    (cd "$m" && GOWORK=off go mod tidy)
  done
  # shellcheck disable=SC2086 # a list of words
  go work use $modules
}

tests() {
  local m
  for m in $modules; do
    begin "$m: go test -race"
    (cd "$m" && GOWORK=off go test -race -shuffle=on -timeout 5m ./...)
  done
}

# fuzz_target DIR NAME. Go before 1.27 may report the end of the time as a
# failure of the target (go.dev/issue/75804), in words of its own and without a
# failing input: that is tried twice more.
fuzz_target() {
  local try out
  for try in 1 2 3; do
    if out=$(cd "$1" && GOWORK=off go test -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZTIME" . 2>&1); then
      grep 'elapsed' <<<"$out" | tail -n 1
      return
    fi
    if [ "$try" = 3 ] || grep -q 'Failing input' <<<"$out" || ! grep -qx ' *context deadline exceeded' <<<"$out"; then
      break
    fi
    say "once more: the time ended in the middle of a run"
  done
  printf '%s\n' "$out"
  return 1
}

fuzz() {
  local dir name list
  for dir in $(files '*_test.go' | xargs -r grep -l '^func Fuzz' | xargs -r -n 1 dirname | sort -u); do
    begin "$dir: fuzz targets"
    list=$(cd "$dir" && GOWORK=off go test -list '^Fuzz' .) || { printf '%s\n' "$list"; return 1; }
    for name in $(grep '^Fuzz' <<<"$list"); do
      begin "$dir: $name for $FUZZTIME"
      fuzz_target "$dir" "$name"
      fuzzed=$((fuzzed + 1))
    done
  done
}

: "${FUZZTIME:=2s}"
case "${1-}" in
  lint) lint ;;
  tidy) tidy ;;
  fuzz) fuzz ;;
  all)
    lint
    tests
    fuzz
    ;;
  *)
    now="usage: check.sh lint|tidy|fuzz|all"
    exit 2
    ;;
esac
