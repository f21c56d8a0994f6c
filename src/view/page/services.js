/* Over all traces: each operation, and who calls whom. */

/* Many durations, and what of them is asked for. */
class Tally {
    constructor(fields) {
        Object.assign(this, fields);
        this.durations = [];
        this.errors = 0;
    }

    add(duration, isError) {
        this.durations.push(duration);
        this.errors += isError ? 1 : 0;
        this.isSorted = false;
    }

    get count() {
        return this.durations.length;
    }

    quantile(q) {
        if (!this.isSorted) this.durations.sort((a, b) => a - b);
        this.isSorted = true;
        return quantile(this.durations, q);
    }
}

class Tallies extends Map {
    of(key, fields) {
        if (!this.has(key)) this.set(key, new Tally(fields));
        return this.get(key);
    }
}

/* {operations, calls}: calls are of one service by another, or of what left no span. */
function talliesMake(store) {
    const operations = new Tallies(),
        calls = new Tallies(),
        isAnswered = new Uint8Array(store.count);
    const kinds = Int8Array.from(store.kind, value =>
        store.values[value] === "CLIENT" ? 1 : store.values[value] === "SERVER" ? 2 : 0
    );
    const call = (from, to, isOutside, duration, isError) =>
        calls.of(`${from}\n${isOutside}\n${to}`, {from, to, isOutside}).add(duration, isError);
    for (let row = 0; row < store.count; row++) {
        if (isProgram(store, row)) continue;
        const service = store.serviceOf(row),
            {name, path} = store.label(row),
            parent = store.parent[row];
        const kind = store.kindOf(row),
            text = path && kind === "SERVER" ? `${name} ${path}` : name;
        operations
            .of(`${service}\n${kind}\n${text}`, {service, kind, name: text})
            .add(store.duration[row], store.isError[row]);
        if (parent < 0 || isProgram(store, parent) || (kinds[row] !== 2 && store.service[parent] === store.service[row])) continue;
        const isCall = kinds[parent] === 1;
        isAnswered[parent] = isCall && kinds[row] === 2 ? 1 : isAnswered[parent];
        call(
            store.serviceOf(parent),
            service,
            false,
            store.duration[isCall ? parent : row],
            store.isError[row] || (isCall && store.isError[parent])
        );
    }
    for (let row = 0; row < store.count; row++)
        if (kinds[row] === 1 && !isAnswered[row])
            call(store.serviceOf(row), store.calleeOf(row) || "unknown", true, store.duration[row], store.isError[row]);
    return {operations: [...operations.values()], calls: [...calls.values()]};
}

class ServicesView {
    constructor(store) {
        this.store = store;
    }

    /* Counted when it is first looked at. */
    show() {
        if (this.isShown) return;
        this.isShown = true;
        const {operations, calls} = talliesMake(this.store);
        byId("graph").replaceChildren(graphDraw(this.store, calls));
        const times = [
            ["Median", 0.5],
            ["p95", 0.95],
            ["p99", 0.99],
            ["Slowest", 1]
        ].map(([name, q]) => ({
            name,
            isNumber: true,
            of: tally => tally.quantile(q),
            show: tally => durationText(tally.quantile(q))
        }));
        const counts = [
            {name: "Count", isNumber: true, of: tally => tally.count, show: tally => number.format(tally.count)},
            {
                name: "Failed",
                isNumber: true,
                of: tally => tally.errors / tally.count,
                show: tally =>
                    tally.errors
                        ? el(
                              "span",
                              {className: "error"},
                              `✕ ${number.format(tally.errors)} (${percentText(tally.errors, tally.count)})`
                          )
                        : "0"
            }
        ];
        const service = name => el("span", {}, serviceMark(this.store, name), ` ${name}`);
        byId("tables").replaceChildren(
            sortableTable(
                "Calls between services",
                [
                    {name: "From", of: tally => tally.from, show: tally => service(tally.from)},
                    {
                        name: "To",
                        of: tally => tally.to,
                        show: tally => (tally.isOutside ? `${tally.to} (left no span)` : service(tally.to))
                    },
                    ...counts,
                    ...times
                ],
                calls,
                2
            ),
            sortableTable(
                "Operations",
                [
                    {name: "Service", of: tally => tally.service, show: tally => service(tally.service)},
                    {name: "Operation", of: tally => tally.name},
                    {name: "Kind", of: tally => tally.kind, show: tally => tally.kind.toLowerCase()},
                    ...counts,
                    ...times
                ],
                operations,
                3
            )
        );
    }
}
