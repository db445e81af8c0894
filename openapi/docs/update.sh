#!/bin/sh
# Takes the files of Swagger UI from its npm package, unchanged, and compresses
# them. After a change of the version: Version in page.go, and the tests.
#
#	sh update.sh 5.35.0
set -eu
version=${1:?version of swagger-ui-dist}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent "swagger-ui-dist@$version"
tar -xzf "swagger-ui-dist-$version.tgz"
for name in swagger-ui-bundle.js swagger-ui.css; do
	gzip -9n <"package/$name" >"$here/swagger-ui/$name.gz"
done
cp package/LICENSE package/NOTICE package/swagger-ui-bundle.js.LICENSE.txt "$here/swagger-ui/"
(cd package && sha256sum swagger-ui-bundle.js swagger-ui.css) >"$here/swagger-ui/SHA256SUMS"
