/* Which traces: those with one span that is all of what is asked for, as --view chooses. */

/* "pay error.type=timeout": words are looked for in names, paths, services, messages and ids; key=value in attributes. */
function queryParse(text) {
    const terms = text
        .trim()
        .split(/\s+/)
        .filter(Boolean)
        .map(word => {
            const equals = word.indexOf("=");
            return equals > 0
                ? {key: word.slice(0, equals), value: word.slice(equals + 1).toLowerCase()}
                : {word: word.toLowerCase()};
        });
    return terms;
}

class Search {
    constructor(store) {
        this.store = store;
    }

    /* Each value is compared once, however many spans have it. */
    matcher(word) {
        const {store} = this,
            known = new Int8Array(store.values.length);
        const isIn = value => {
            if (value < 0) return false;
            if (!known[value])
                known[value] = String(store.values[value] ?? "")
                    .toLowerCase()
                    .includes(word)
                    ? 1
                    : -1;
            return known[value] > 0;
        };
        const services = store.services.map(name => name.toLowerCase().includes(word));
        const isHex = /^[0-9a-f]{4,32}$/.test(word);
        return row =>
            isIn(store.name[row]) ||
            isIn(store.path[row]) ||
            services[store.service[row]] ||
            isIn(store.message[row]) ||
            (isHex && (store.values[store.trace[row]].startsWith(word) || store.id(row).startsWith(word)));
    }

    attributeMatcher({key, value}) {
        return row => {
            const found = this.store.attribute(row, key);
            return found !== undefined && valueText(found).toLowerCase().includes(value);
        };
    }

    /* @wanted: {query, service, isFailed, slowerThan}. Returns the traces, in the order of @sort ("-duration"). */
    find(wanted, sort) {
        const {store} = this,
            tests = [];
        if (wanted.isFailed) tests.push(row => store.isError[row]);
        if (wanted.service) tests.push(row => store.serviceOf(row) === wanted.service);
        for (const term of queryParse(wanted.query))
            tests.push(term.key ? this.attributeMatcher(term) : this.matcher(term.word));
        const hasSpan = trace => {
            for (let row = trace.begin; row < trace.end; row++) if (tests.every(test => test(row))) return true;
            return false;
        };
        const found = store.traces.filter(
            trace => !(trace.duration <= wanted.slowerThan) && (!tests.length || hasSpan(trace))
        );
        const key = sort.replace("-", ""),
            sign = sort.startsWith("-") ? -1 : 1;
        return found.sort((a, b) => sign * (a[key] - b[key]) || a.start - b.start);
    }
}
