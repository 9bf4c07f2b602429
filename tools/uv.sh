#!/bin/sh
# Runs uv with the given arguments. Finds it on PATH, or makes it in .tools below the project;
# nothing outside the project folder is changed. Needs any Python 3 with venv or pip.
set -eu

project=$(cd "$(dirname "$0")/.." && pwd)
tools="$project/.tools"
wanted='uv>=0.8,<1'

# The interpreters for which every locked package has a wheel; one that is missing is fetched
# into .tools, not into the home folder.
: "${UV_PYTHON:=>=3.11,<3.14}"
: "${UV_PYTHON_INSTALL_DIR:=$tools/python}"
export UV_PYTHON UV_PYTHON_INSTALL_DIR

# The machine's own certificates, where it has some: an office's proxy is in no other list.
if [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ] ||
    [ -e /etc/ssl/cert.pem ]; then
    : "${UV_SYSTEM_CERTS:=true}"
    export UV_SYSTEM_CERTS
fi

# A uv that is too old to know dependency groups, or a shim of a version manager with nothing
# behind it, counts as absent.
works() {
    "$@" sync --help 2>/dev/null | grep -q -e --no-default-groups
}

# Keeps the cache of a uv that is ours below the project too.
ours() {
    : "${UV_CACHE_DIR:=$tools/cache}"
    export UV_CACHE_DIR
}

pythons() {
    for name in python3.11 python3.12 python3.13 python3 python; do
        command -v "$name" 2>/dev/null || true
    done
}

make_with_venv() {
    rm -rf "$tools/uv" &&
        "$1" -m venv "$tools/uv" &&
        "$tools/uv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check "$wanted"
}

# Where venv is missing (Debian without python3-venv), pip may still be there; --target is
# allowed also where the interpreter is marked as externally managed.
make_with_target() {
    rm -rf "$tools/uv" &&
        "$1" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
            --target "$tools/uv" "$wanted"
}

make_uv() {
    mkdir -p "$tools"
    log="$tools/uv.log"
    : >"$log"
    echo "Making uv in $tools (once) ..." >&2
    for way in make_with_venv make_with_target; do
        for python in $(pythons); do
            echo "--- $way $python" >>"$log"
            if "$way" "$python" >>"$log" 2>&1 && works "$tools/uv/bin/uv"; then
                return 0
            fi
        done
    done
    rm -rf "$tools/uv"
    cat >&2 <<MESSAGE
Neither uv nor a Python that can install it was found. One of these is enough, then try again:
    sudo apt-get install python3-venv        (Debian, Ubuntu)
    sudo dnf install python3-pip             (Fedora)
    or uv itself: https://docs.astral.sh/uv/getting-started/installation/
What was tried is in $log.
MESSAGE
    return 1
}

if works uv; then
    exec uv "$@"
fi
ours
works "$tools/uv/bin/uv" || make_uv
exec "$tools/uv/bin/uv" "$@"
