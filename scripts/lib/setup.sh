# Sourced by scripts/demo, scripts/test, scripts/bench and scripts/torture: everything that a fresh Debian machine with any Node and npm still lacks.

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null; }

# The npm that comes along: Debian's own runs on Debian's Node alone.
NPM_VERSION=11.19.1

# From here on everything runs on the Node of .node-version, the one that is shipped, or a later one of its line: what is
# tested and measured is the same everywhere. Any other Node that is installed serves to fetch it.
use_node() {
  local wanted bin
  wanted=$(<.node-version)
  bin="$PWD/.cache/node-$wanted/node_modules/.bin"
  have node || { say "Node is needed: $wanted, or any other with npm, to fetch it. https://nodejs.org"; exit 1; }
  node scripts/lib/checks/check-node.cjs "$wanted" && return
  scripts/lib/fetch/fetch-node "$wanted" "npm@$NPM_VERSION" || {
    say "Node $wanted is needed and cannot be fetched from npm here; this is $(node --version). Install it: https://nodejs.org"
    exit 1
  }
  say "Using Node $wanted from .cache; installed is $(node --version)."
  export PATH="$bin:$PATH"
}

# npm ci, unless this lock file is installed already: by us, or by `npm ci` since it was written, with what only we need.
# Doing it again takes a minute, and the modules away from whatever runs from here.
install_packages() {
  local stamp=node_modules/.headgate-lock
  if ! cmp -s package-lock.json "$stamp" 2>/dev/null && ! { [ node_modules/.package-lock.json -nt package-lock.json ] && [ -d node_modules/tap ]; }; then
    say "Installing packages …"
    npm ci --no-audit --no-fund --loglevel=error >&2
    # With the plugins of .taprc alone, which tap itself would see to at its first run.
    npx --no-install tap build >&2
    cp package-lock.json "$stamp"
  fi
}

build() {
  say "Building …"
  npm run --silent build >&2
}

have_headless_shell() { [ -x /usr/bin/chromium-headless-shell ]; }
have_chromium() { have_headless_shell || [ -x /usr/bin/chromium ] || [ -x /usr/bin/chromium-browser ] || [ -x /usr/bin/google-chrome ]; }

# Debian's packages, when we may.
install_debian() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "Installing $* …"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null 2>&1
}

# Quietly true when it is there.
install_chromium() {
  have_chromium || { install_debian chromium && have_chromium; }
}

# Chromium without windows, for the tests: a page takes a quarter of the processor. Any other does where it cannot be had.
install_headless_shell() {
  have_headless_shell || { install_debian chromium-headless-shell && have_headless_shell; } || install_chromium
}

install_openssl() {
  have openssl || { install_debian openssl && have openssl; }
}

install_strace() {
  have strace || { install_debian strace && have strace; }
}

have_aws_cli() { [[ "$(/usr/bin/aws --version 2>/dev/null)" == aws-cli/2.* ]]; }

# Version 2, in which Debian has it since 12.
install_aws_cli() {
  have_aws_cli || { install_debian awscli && have_aws_cli; }
}

install_tlc() {
  { have java && have mvn; } || install_debian default-jre-headless maven || return 1
  scripts/lib/fetch/fetch-tlc >/dev/null
}

install_bench_tools() {
  { have wrk && have taskset && have openssl; } || { install_debian wrk util-linux openssl && have wrk; }
}

# Into .cache/, by the command that is given. Debian keeps what a Python environment needs in a package of its own.
install_python() {
  "$@" && return 0
  install_debian python3-venv && "$@"
}

install_schemathesis() {
  install_python scripts/lib/fetch/fetch-schemathesis
}
