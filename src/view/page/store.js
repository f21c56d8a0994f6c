/* The spans: one typed array a field, rows sorted by trace and start. What is shown of a span is looked up when it is. */

const PALETTE_SIZE = 12; /* --service-0 and so on, in colors.css */

/* FNV-1a, as the terminal's colours are chosen. */
function hashOf(text) {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(text))
        hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
    return hash;
}

/* The place of each service in the palette: where two would be alike, the later by name takes the next free one. */
function colorsOf(services) {
    const size = PALETTE_SIZE,
        isTaken = new Array(size).fill(false),
        colors = new Map();
    for (const service of services) {
        const wish = Number(hashOf(service) % BigInt(size));
        let pick = wish;
        for (let i = 0; i < size; i++)
            if (!isTaken[(wish + i) % size]) {
                pick = (wish + i) % size;
                break;
            }
        isTaken[pick] = true;
        colors.set(service, pick);
    }
    return colors;
}

class Store {
    constructor(file) {
        this.file = file;
        this.values = file.values;
        this.count = file.start.length;
        this.placesOfKeys = new Map();
        this.sortRows();
        this.readDetails();
        this.findServices();
        this.findTraces();
    }

    /* By trace, in the order of their first spans, then by start, of two that start together the longer one. */
    sortRows() {
        const {trace, start, duration} = this.file,
            {count} = this,
            traces = new Map();
        for (let i = 0; i < count; i++) {
            const one = traces.get(trace[i]);
            if (!one) traces.set(trace[i], {value: trace[i], first: start[i], count: 1});
            else {
                one.first = Math.min(one.first, start[i]);
                one.count++;
            }
        }
        let begin = 0;
        for (const one of [...traces.values()].sort((a, b) => a.first - b.first || a.value - b.value)) {
            one.begin = one.end = begin;
            begin += one.count;
        }
        const order = (this.order = new Uint32Array(count));
        for (let i = 0; i < count; i++) order[traces.get(trace[i]).end++] = i;
        for (const one of traces.values())
            order
                .subarray(one.begin, one.end)
                .sort((a, b) => start[a] - start[b] || duration[b] - duration[a] || a - b);
        const {file} = this, column = name => Float64Array.from(order, i => file[name][i]);
        this.start = column("start");
        this.duration = column("duration");
        for (const name of ["name", "kind", "status", "message", "resource", "trace"])
            this[name] = Int32Array.from(order, i => file[name][i]);
        this.isError = Uint8Array.from(this.status, value => (this.values[value] === "ERROR" ? 1 : 0));
    }

    id(row) {
        return this.file.id.substr(this.order[row] * 16, 16);
    }
    parentId(row) {
        return this.file.parent.substr(this.order[row] * 16, 16).trim();
    }
    kindOf(row) {
        return this.values[this.kind[row]] || "INTERNAL";
    }
    nameOf(row) {
        return this.values[this.name[row]] || "(no name)";
    }
    serviceOf(row) {
        return this.services[this.service[row]];
    }

    /* Where in a span's attributes each key is. @keys: the number of the value that lists them. */
    placesOf(keys) {
        let places = this.placesOfKeys.get(keys);
        if (!places) {
            places = new Map(this.values[keys].map((key, i) => [key, i]));
            this.placesOfKeys.set(keys, places);
        }
        return places;
    }

    decode(code) {
        return code & 1 ? this.values[code >>> 1] : code / 2;
    }

    /* Where each span's details begin, and what all rows need of them. */
    readDetails() {
        const {details} = this.file,
            {values, count} = this;
        const begin = new Uint32Array(count);
        for (let at = 0, i = 0; i < count; i++) {
            begin[i] = at;
            at += 2 + values[details[at + 1]].length;
            for (let events = details[at++]; events > 0; events--) at += 3 + values[details[at + 2]].length;
            for (let links = details[at++]; links > 0; links--) at += 3 + values[details[at + 2]].length;
        }
        this.begin = Uint32Array.from(this.order, i => begin[i]);
        const pathOf = this.pathFinder();
        this.path = Int32Array.from({length: count}, (_, row) => pathOf(row)); /* value; -1: none */
    }

    /* Of a server url.path, of a client the path of url.full, without the query. */
    pathFinder() {
        const known = new Map();
        const ofUrl = value => {
            if (!known.has(value)) {
                const match = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(\/[^?#]*)/i.exec(String(this.values[value]));
                known.set(value, match ? this.values.push(match[1]) - 1 : -1);
            }
            return known.get(value);
        };
        return row => {
            const path = this.codeOf(row, "url.path");
            if (path & 1) return path >>> 1;
            const url = this.codeOf(row, "url.full");
            return url & 1 ? ofUrl(url >>> 1) : -1;
        };
    }

    codeOf(row, key) {
        const at = this.begin[row] + 1,
            place = this.placesOf(this.file.details[at]).get(key);
        return place === undefined ? undefined : this.file.details[at + 1 + place];
    }

    /* 0: not known. */
    pidOf(row) {
        const pid = this.values[this.resource[row]]?.["process.pid"];
        return Number.isInteger(pid) && pid > 0 ? pid : 0;
    }

    attribute(row, key) {
        const code = this.codeOf(row, key);
        return code === undefined ? undefined : this.decode(code);
    }

    findServices() {
        const names = new Map();
        for (const value of new Set(this.resource)) {
            const name = this.values[value]?.["service.name"];
            names.set(value, typeof name === "string" && name ? name : "unknown_service");
        }
        const encoder = new TextEncoder();
        this.services = [...new Set(names.values())].sort((a, b) => compareBytes(encoder.encode(a), encoder.encode(b)));
        this.colors = colorsOf(this.services);
        const numbers = new Map(this.services.map((name, i) => [name, i]));
        this.service = Int32Array.from(this.resource, value => numbers.get(names.get(value)));
    }

    findTraces() {
        this.traces = [];
        this.traceById = new Map();
        this.parent = new Int32Array(this.count).fill(-1); /* row; -1: none, -2: not in this page */
        for (let begin = 0, end; begin < this.count; begin = end) {
            end = begin + 1;
            while (end < this.count && this.trace[end] === this.trace[begin]) end++;
            this.linkParents(begin, end);
            const trace = new Trace(this, begin, end);
            this.traceById.set(trace.id, trace);
            this.traces.push(trace);
        }
    }

    linkParents(begin, end) {
        const rows = new Map();
        for (let row = begin; row < end; row++) rows.set(this.id(row), row);
        for (let row = begin; row < end; row++) {
            const parent = this.parentId(row);
            if (parent) this.parent[row] = rows.get(parent) ?? -2;
        }
    }

    /* {traceState, attributes: [[key, value]], events, links} */
    details(row) {
        const {details} = this.file;
        let at = this.begin[row];
        const attributes = () => {
            const keys = this.values[details[at++]];
            return keys.map(key => [key, this.decode(details[at++])]);
        };
        const result = {traceState: this.values[details[at++]], attributes: attributes(), events: [], links: []};
        for (let events = details[at++]; events > 0; events--)
            result.events.push({name: this.values[details[at++]], after: details[at++], attributes: attributes()});
        for (let links = details[at++]; links > 0; links--)
            result.links.push({
                traceId: this.values[details[at++]],
                spanId: this.values[details[at++]],
                attributes: attributes()
            });
        return result;
    }

    /* Its name, and what its path is unless the name has it. */
    label(row) {
        const name = this.nameOf(row),
            path = this.path[row] < 0 ? "" : this.values[this.path[row]];
        return {name, path: name.includes("/") ? "" : path};
    }

    /* Whom a call was for, where no span tells; "": it is not known. */
    calleeOf(row) {
        for (const [address, port] of [
            ["server.address", "server.port"],
            ["network.peer.address", "network.peer.port"]
        ]) {
            const host = this.attribute(row, address),
                number = this.attribute(row, port);
            if (host) return number ? `${String(host).includes(":") ? `[${host}]` : host}:${number}` : String(host);
        }
        return "";
    }
}

function compareBytes(a, b) {
    for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i] - b[i];
    return a.length - b.length;
}

/* What a list shows of a trace. */
class Trace {
    constructor(store, begin, end) {
        this.store = store;
        this.begin = begin;
        this.end = end;
        this.id = store.values[store.trace[begin]];
        this.errors = 0;
        const services = new Set();
        let head = -1,
            hasRoot = false,
            from = Infinity,
            to = -Infinity;
        for (let row = begin; row < end; row++) {
            this.errors += store.isError[row];
            if (!isProgram(store, row)) services.add(store.service[row]);
            hasRoot = hasRoot || store.parent[row] === -1;
        }
        for (let row = begin; row < end; row++) {
            if (store.parent[row] !== (hasRoot ? -1 : -2)) continue;
            head = head < 0 ? row : head;
            from = Math.min(from, store.start[row]);
            to = Math.max(to, store.start[row] + store.duration[row]);
        }
        const isOnlyPrograms = services.size === 0;
        this.head = head < 0 ? begin : head; /* all are each other's ancestors: the tree cuts that */
        this.start = store.start[begin];
        this.duration = head < 0 ? store.duration[begin] : to - from;
        for (let row = begin; row < end && isOnlyPrograms; row++) services.add(store.service[row]);
        this.services = [...services].sort((a, b) => a - b);
    }

    get spans() {
        return this.end - this.begin;
    }
}
