#!/bin/sh
# workload.sh - what the backends are told of: the shop's checkouts, and what the shop does not do.
set -eu
here=$(dirname "$0")
"$here/../../testapps/shop/start.sh" "$here/../../testapps/shop/checkouts.sh"
OTEL_SERVICE_NAME='Ränder & Kanten' exec /usr/bin/python3 "$here/programs/edges.py"
