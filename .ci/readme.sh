#!/usr/bin/env bash
# Starts the service with the command of the README and runs the curl command that it prints.
set -euo pipefail
log=$(mktemp)
# Start a new process group and end the group: npm does not forward signals to its child processes.
PORT=0 ALARA_DATA=$(mktemp -d) setsid npm start >"$log" 2>&1 &
service=$!
trap 'kill -- -$service 2>/dev/null || true; wait $service 2>/dev/null || true' EXIT
for _ in $(seq 600); do
  line=$(grep -oE 'curl .*' "$log" | head -n 1 || true)
  [ -n "$line" ] && break
  kill -0 $service || { cat "$log"; exit 1; }
  sleep 0.5
done
echo "$line"
eval "$line --silent --show-error --fail-with-body" >/tmp/alara-reading.json
grep -q '"notice":"Research use only. Not for diagnosis."' /tmp/alara-reading.json
echo "npm start answers: $(head -c 200 /tmp/alara-reading.json)…"
