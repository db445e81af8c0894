# Shared by the scripts, which run in the root of the repository.

PATH="$PATH:/usr/local/go/bin:/usr/sbin" # Debian's users do not have nginx in theirs
export PATH

step() { printf '\n==> %s\n' "$*"; }
say() { printf '    %s\n' "$*"; }

# files PATTERN... prints the files of the work tree that git does not ignore.
files() {
  git ls-files --cached --others --exclude-standard --deduplicate -- "$@" |
    while IFS= read -r f; do [ ! -f "$f" ] || printf '%s\n' "$f"; done
}

# modules prints the folder of every Go module, npm_dirs that of every npm lock file.
modules() { files go.mod '*/go.mod' | xargs -r -n 1 dirname | sort; }
npm_dirs() { files package-lock.json '*/package-lock.json' | xargs -r -n 1 dirname | sort; }
