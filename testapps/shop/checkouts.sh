#!/bin/sh
# checkouts.sh - buys three times at SHOP_URL: once plainly, once with a slow and once with a failing
# payment. Succeeds if each ended as it should.
set -u

failures=0

# checkout QUERY EXPECTED-STATUS WHAT
checkout()
{
    status=$(curl -sS -o /dev/null -w '%{http_code}' --noproxy '*' --max-time 30 \
             -X POST -d '{"cart":1}' "$SHOP_URL/checkout$1")
    if [ "$status" = "$2" ]; then
        echo "  $3: $status"
    else
        echo "  $3: $status, where $2 was expected"
        failures=$((failures + 1))
    fi
}

export OTEL_SERVICE_NAME=shopper
checkout ''              200 'a checkout'
checkout '?payment=slow' 200 'a checkout with a slow payment'
checkout '?payment=fail' 502 'a checkout whose payment fails'
exit $failures
