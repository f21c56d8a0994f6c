/* The packed spans: base64 of zlib's format (RFC 1950, 1951). */

function base64Decode(text) {
    const binary = atob(text.trim());
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
}

/* For browsers without DecompressionStream. RFC 1951, section 3.2. */
function inflate(source) {
    const LENGTH_BASE = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258
    ];
    const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
    const DISTANCE_BASE = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145, 8193, 12289, 16385, 24577
    ];
    const CODE_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let out = new Uint8Array(source.length * 8 + 1024),
        outLength = 0;
    let at = 2,
        bits = 0,
        bitCount = 0; /* zlib's header has two bytes */

    function room(count) {
        if (outLength + count <= out.length) return;
        const grown = new Uint8Array(Math.max(out.length * 2, outLength + count));
        grown.set(out);
        out = grown;
    }
    function take(count) {
        while (bitCount < count) {
            bits |= source[at++] << bitCount;
            bitCount += 8;
        }
        const value = bits & ((1 << count) - 1);
        bits >>>= count;
        bitCount -= count;
        return value;
    }
    function codesOf(lengths) {
        const counts = new Uint16Array(16),
            offsets = new Uint16Array(16),
            symbols = new Uint16Array(lengths.length);
        lengths.forEach(length => {
            counts[length] += length > 0;
        });
        for (let i = 1; i < 15; i++) offsets[i + 1] = offsets[i] + counts[i];
        lengths.forEach((length, symbol) => {
            if (length) symbols[offsets[length]++] = symbol;
        });
        return {counts, symbols};
    }
    function symbolTake({counts, symbols}) {
        let code = 0,
            first = 0,
            index = 0;
        for (let length = 1; length < 16; length++) {
            code |= take(1);
            const count = counts[length];
            if (code - first < count) return symbols[index + code - first];
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        throw new Error("the packed spans are damaged");
    }
    function stored() {
        bits = bitCount = 0;
        const length = source[at] | (source[at + 1] << 8);
        room(length);
        out.set(source.subarray(at + 4, at + 4 + length), outLength);
        at += 4 + length;
        outLength += length;
    }
    function dynamicCodes() {
        const literals = take(5) + 257,
            distances = take(5) + 1,
            count = take(4) + 4;
        const lengths = new Array(19).fill(0);
        for (let i = 0; i < count; i++) lengths[CODE_ORDER[i]] = take(3);
        const codes = codesOf(lengths),
            all = [];
        while (all.length < literals + distances) {
            const symbol = symbolTake(codes);
            if (symbol < 16) all.push(symbol);
            else
                all.push(
                    ...new Array(symbol === 16 ? 3 + take(2) : symbol === 17 ? 3 + take(3) : 11 + take(7)).fill(
                        symbol === 16 ? all[all.length - 1] : 0
                    )
                );
        }
        return [codesOf(all.slice(0, literals)), codesOf(all.slice(literals))];
    }
    function fixedCodes() {
        const lengths = Array.from({length: 288}, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
        return [codesOf(lengths), codesOf(new Array(30).fill(5))];
    }
    function compressed([literals, distances]) {
        for (;;) {
            const symbol = symbolTake(literals);
            if (symbol === 256) return;
            room(258);
            if (symbol < 256) {
                out[outLength++] = symbol;
                continue;
            }
            const length = LENGTH_BASE[symbol - 257] + take(LENGTH_EXTRA[symbol - 257]);
            const code = symbolTake(distances);
            const distance = DISTANCE_BASE[code] + take(code < 2 ? 0 : (code >> 1) - 1);
            for (let i = 0; i < length; i++, outLength++) out[outLength] = out[outLength - distance];
        }
    }

    for (let isLast = 0; !isLast;) {
        isLast = take(1);
        const kind = take(2);
        if (kind === 0) stored();
        else compressed(kind === 1 ? fixedCodes() : dynamicCodes());
    }
    return out.subarray(0, outLength);
}

async function unpack(text) {
    const bytes = base64Decode(text);
    if (typeof DecompressionStream === "undefined") return new TextDecoder().decode(inflate(bytes));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
}
