#!/bin/sh
# Runs a command with its HTTP traffic traced; run-traced.sh --help says more. This script only finds
# the program run-traced, and in a source tree that is not built yet, builds it first.
#
# What the caller exported stays exported when it is set here: hence the names of the variables.

run_traced_fail() {
    printf 'run-traced: %s\n' "$@" >&2
    exit 125
}

# Prints what make had to say. Of two at the same time, the second waits and finds all done.
run_traced_build() {
    CDPATH='' cd -- "$1" && mkdir -p build || exit
    exec 9>build/.lock </dev/null
    if command -v flock >/dev/null; then flock 9; fi
    if [ -e build/.built ] && [ -x build/run-traced ]; then exit; fi
    unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
    make -s BUILD=build 9>&- && : >build/.built
}

case $0 in
*/*) run_traced_at=$0 ;;
*) if [ -e "$0" ]; then run_traced_at=./$0; else run_traced_at=$(command -v -- "$0"); fi ;;
esac
if [ -h "$run_traced_at" ]; then run_traced_at=$(readlink -f -- "$run_traced_at"); fi
run_traced_at=${run_traced_at%/*}

if [ ! -f "$run_traced_at/src/launcher/main.c" ]; then
    run_traced_at=$run_traced_at/../lib/run-traced
elif [ -n "${RUN_TRACED_BUILD-}" ]; then
    case $RUN_TRACED_BUILD in
    /*) run_traced_at=$RUN_TRACED_BUILD ;;
    *) run_traced_at=$run_traced_at/$RUN_TRACED_BUILD ;;
    esac
else
    # Without the mark, somebody may be building just now; in a tree of somebody else, we cannot.
    if [ ! -x "$run_traced_at/build/run-traced" ] ||
        { [ ! -e "$run_traced_at/build/.built" ] && [ -w "$run_traced_at/build" ]; }; then
        run_traced_log=$(run_traced_build "$run_traced_at" 2>&1) || run_traced_fail \
            "it is not built yet, and building failed:" "$run_traced_log" \
            "to install what building needs: make -C '$run_traced_at' deps"
    fi
    run_traced_at=$run_traced_at/build
fi

if [ ! -x "$run_traced_at/run-traced" ]; then
    run_traced_fail "there is no program run-traced in $run_traced_at"
fi
exec "$run_traced_at/run-traced" "$@"
