#!/bin/sh
# demo.sh - seven services that know nothing of tracing, three checkouts, one prefix; then the traces.
# Run from the top of the tree, after building (make demo does both).
set -eu

spans=build/demo/spans.jsonl
services='api-gateway auth-service order-service user-service payment-service inventory-service
          notification-service shopper'

trap 'exit 130' INT # start.sh stops the services, whatever ends it
trap 'exit 143' TERM

mkdir -p build/demo
rm -f "$spans"

echo "Starting a shop of seven services under run-traced.sh and buying three times:"
./run-traced.sh -q --process-spans none -o "$spans" testapps/shop/start.sh testapps/shop/checkouts.sh

for service in $services; do
    grep -q "\"service.name\":\"$service\"" "$spans" || {
        echo "demo: there is no span of $service in $spans" >&2
        exit 1
    }
done

echo
echo "./run-traced.sh --view $spans:"
echo
./run-traced.sh --view "$spans"
