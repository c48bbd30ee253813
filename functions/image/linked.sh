#!/bin/sh
# Fails when a native library under a folder is linked against one that is not there: sh linked.sh <folder>.
# libcuda.so.1 is the driver's: the host lends it to a container when it starts.
set -eu
find "$1" -type f \( -name '*.node' -o -name '*.so' -o -name '*.so.*' \) | {
  seen=0
  bad=0
  while read -r library; do
    seen=$((seen + 1))
    links=$(ldd "$library" 2>&1) || links="$links (not found: a loader for it)"
    if echo "$links" | grep 'not found' | grep -v 'libcuda\.so\.1 '; then
      echo "  in what $library needs"
      bad=$((bad + 1))
    fi
  done
  echo "$seen native libraries, $bad of them without what they need"
  [ "$seen" -gt 0 ] && [ "$bad" -eq 0 ]
}
