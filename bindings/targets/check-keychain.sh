#!/bin/sh
# Type-checks KeychainVault.swift where Apple's Security is not to be had, against the names in security/Security.swift.
# It finds a wrong name, a wrong type and a breach of Swift 6's rules, and says nothing of what a Keychain does.
#
#   check-keychain.sh SCRATCH    the scratch path in which `swift build` or `swift test` has built the package
set -eu

[ $# = 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 64; }
here=$(cd "$(dirname "$0")" && pwd)
swift=$here/../swift
out=$1/security
mkdir -p "$out"
swiftc -parse-as-library -emit-module -module-name Security -o "$out/Security.swiftmodule" "$here/security/Security.swift"
swiftc -parse-as-library -typecheck -swift-version 6 -warnings-as-errors -I "$out" -I "$1/debug/Modules" \
  -Xcc "-fmodule-map-file=$swift/Sources/caseplanFFI/module.modulemap" "$swift/Sources/Caseplan/KeychainVault.swift"
