#!/bin/sh
# What is published, in dist/: the wheel, checked; the requirements of the images, as uv.lock has
# them; and the images, where docker or podman runs, on the base that their Dockerfiles name, or on
# BASE. Arguments go to its `build`.
set -eu
cd "$(dirname "$0")/.."
uv() { sh tools/uv.sh "$@"; }

rm -rf dist
uv build --quiet --out-dir dist
uv run --frozen check-wheel-contents dist/*.whl
uv export --frozen --quiet --no-default-groups --extra postgres --no-emit-project \
    --output-file dist/requirements.txt
engine=
for one in podman docker; do
    if "$one" info >/dev/null 2>&1; then engine=$one; fi
done
if [ -z "$engine" ]; then
    echo "neither docker nor podman runs here: no images" >&2
    exit 0
fi
version=$(sed -n '/^version = /{s/^version = "\(.*\)"$/\1/p;q;}' pyproject.toml)
for kind in source destination; do
    "$engine" build ${BASE:+--build-arg "BASE=$BASE"} "$@" -f "airbyte/$kind-clearbooks/Dockerfile" \
        -t "clearbooks-connectors/$kind-clearbooks:$version" .
done
