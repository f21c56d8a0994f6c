#!/bin/sh
# start.sh [COMMAND [ARG...]] - starts the shop's seven services and waits until they listen. Then runs
# COMMAND with the shop's address in SHOP_URL, stops the services and exits with COMMAND's status;
# without COMMAND it serves until Ctrl-C. PAYMENT_OPTIONS goes to payment, such as "--slow 300".
set -eu

shop=${BUILD:-build}/testapps/shop
[ -x "$shop" ] || { echo "start.sh: there is no $shop; run: make testapps" >&2; exit 1; }
ports=$(mktemp -d)
pids=

# Who calls stops before those it calls, so that what is still under way ends well.
stop()
{
    status=$?
    trap '' INT TERM
    for pid in $pids; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" || { echo "start.sh: a service did not stop cleanly" >&2; status=1; }
    done
    rm -rf "$ports"
    exit $status
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start ROLE SERVICE-NAME [OPTION...]: named as a deployment would name it.
start()
{
    role=$1
    export OTEL_SERVICE_NAME="$2"
    shift 2
    "$shop" "$role" --ports-dir "$ports" "$@" &
    pids="$! $pids"
    unset OTEL_SERVICE_NAME
}

# Each service writes its port once it listens; the bound is for one that cannot.
await_all()
{
    tries=0
    for role in api-gateway auth order user payment inventory notification; do
        while [ ! -s "$ports/$role.port" ]; do
            tries=$((tries + 1))
            [ $tries -lt 200 ] || { echo "start.sh: $role does not start" >&2; return 1; }
            sleep 0.05
        done
    done
}

start notification notification-service
start inventory inventory-service
start payment payment-service ${PAYMENT_OPTIONS-}
start user user-service
start order order-service
start auth auth-service
start api-gateway api-gateway
await_all
SHOP_URL=http://127.0.0.1:$(cat "$ports/api-gateway.port")
export SHOP_URL

if [ $# -gt 0 ]; then
    "$@"
else
    echo "The shop is open: curl -X POST $SHOP_URL/checkout    (Ctrl-C closes it)"
    wait
fi
