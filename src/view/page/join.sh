#!/bin/sh
# join.sh FROM TO - makes TO/head.html and TO/tail.html of the page in FROM: what stands before the packed spans, and after
# them. Style and script go into it, and into its policy go their hashes: nothing else is ever run.
set -eu
from=$1 to=$2

# base64 of the SHA-256 of a file, as a policy has it.
hash_print() {
    hex=$(sha256sum <"$1" | cut -c 1-64 | sed 's/../\\x&/g')
    /usr/bin/printf "$hex" | base64
}

cat "$from/colors.css" "$from/page.css" "$from/waterfall.css" "$from/print.css" >"$to/style"
{
    printf '"use strict";\n(() => {\n'
    for name in text dom inflate store programs tree rows search list axis minimap waterfall details trace services graph processes main; do
        cat "$from/$name.js"
    done
    printf '})();\n'
} >"$to/script"

policy="default-src 'none'; style-src 'sha256-$(hash_print "$to/style")'; script-src 'sha256-$(hash_print "$to/script")'"
policy="$policy; base-uri 'none'; form-action 'none'"

# Each part stands on a line of its own in the page.
while IFS= read -r line; do
    case $line in
    *@policy@*) printf '%s%s%s\n' "${line%%@policy@*}" "$policy" "${line#*@policy@}" ;;
    @style@) printf '<style>' && cat "$to/style" && printf '</style>\n' ;;
    @script@) printf '<script>' && cat "$to/script" && printf '</script>\n' ;;
    *) printf '%s\n' "$line" ;;
    esac
done <"$from/page.html" >"$to/page.html"

sed '/^@spans@$/,$d' "$to/page.html" | head -c -1 >"$to/head.html"
sed '1,/^@spans@$/d' "$to/page.html" >"$to/tail.html"
