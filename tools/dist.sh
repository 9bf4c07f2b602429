#!/bin/sh
# What is published, in dist/: the wheel, checked; the requirements of the images, as uv.lock has
# them; and the images, where docker runs, on the base BASE. Arguments go to `docker build`.
set -eu
cd "$(dirname "$0")/.."
uv() { sh tools/uv.sh "$@"; }

rm -rf dist
uv build --quiet --out-dir dist
uv run --frozen check-wheel-contents dist/*.whl
uv export --frozen --quiet --no-default-groups --extra postgres --no-emit-project \
    --output-file dist/requirements.txt
if ! docker info >/dev/null 2>&1; then
    echo "docker does not run here: no images" >&2
    exit 0
fi
# The base is named by its digest, so that whoever builds again has the same.
base=${BASE:-python:3.11-slim}
case $base in
*@sha256:*) ;;
*)
    docker pull --quiet "$base" >/dev/null
    base=$(docker image inspect --format '{{index .RepoDigests 0}}' "$base")
    ;;
esac
echo "base of the images: $base"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
for kind in source destination; do
    docker build --build-arg "BASE=$base" "$@" -f "airbyte/$kind-clearbooks/Dockerfile" \
        -t "clearbooks-connectors/$kind-clearbooks:$version" .
done
