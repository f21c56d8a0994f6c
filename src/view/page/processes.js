/* Which programs ran, and what could not be seen. */

const TREE_MAX = 2000;
const DEPTH_MAX = 40; /* what is deeper stands beside its parent */

const BLIND = {
    static: "linked statically: no library can be loaded into it",
    setuid: "runs with more rights than its caller: the loader takes no library from the environment",
    go: "written in Go: it does not go through libc",
    environment: "started with an environment of its own: LD_PRELOAD was not in it",
    other_architecture: "of another architecture than the library",
    tls: "encrypts by itself: only connections can be seen, not requests",
    unknown: "no reason could be told"
};

class ProcessesView {
    constructor(store) {
        this.store = store;
    }

    show() {
        if (this.isShown) return;
        this.isShown = true;
        this.collect();
        byId("view-processes").append(
            el("h2", {}, "Coverage"),
            this.sentences(),
            this.blindTable(),
            this.droppedTable(),
            el("h2", {}, "Processes"),
            ...this.trees()
        );
    }

    /* Programs have a span each; dropped spans are counted on the root's. */
    collect() {
        const {store} = this;
        this.programs = [];
        this.dropped = new Map();
        this.ambiguous = this.opaque = 0;
        for (let row = 0; row < store.count; row++) {
            this.ambiguous += store.attribute(row, "run_traced.parent.ambiguous") === true ? 1 : 0;
            this.opaque += store.attribute(row, "run_traced.opaque") === true ? 1 : 0;
            if (store.kindOf(row) !== "INTERNAL" || store.attribute(row, "process.executable.name") === undefined)
                continue;
            this.programs.push(row);
            for (const [key, value] of store.details(row).attributes)
                if (key.startsWith("run_traced.dropped.") && value > 0)
                    this.dropped.set(key.slice(19), (this.dropped.get(key.slice(19)) || 0) + value);
        }
    }

    blind() {
        return this.programs.filter(row => this.store.attribute(row, "run_traced.process.blind") !== undefined);
    }

    sentences() {
        const {store, programs} = this,
            {file} = store,
            told = [];
        if (file.traces < file.tracesInFile)
            told.push(
                `Counted are the ${plural(file.traces, "trace")} of this page, not the ` +
                    `${number.format(file.tracesInFile)} of the file.`
            );
        told.push(this.programsText());
        const dropped = [...this.dropped.values()].reduce((sum, count) => sum + count, 0);
        if (programs.length) told.push(`Dropped: ${dropped ? plural(dropped, "span") : "nothing"}.`);
        told.push(
            this.ambiguous
                ? `Ambiguous: ${plural(this.ambiguous, "span")} could belong to several requests.`
                : "Ambiguous: no span."
        );
        if (this.opaque) told.push(`Not seen into: ${plural(this.opaque, "connection")} (run_traced.opaque).`);
        if (file.skipped) told.push(`${file.skipped}.`);
        if (file.duplicates) told.push(`Skipped: ${plural(file.duplicates, "span")} whose id had come before.`);
        return el("ul", {className: "told"}, ...told.map(text => el("li", {}, text)));
    }

    programsText() {
        const count = this.programs.length,
            blind = this.blind().length;
        if (!count)
            return (
                "There are no process spans in this file: which programs ran without being traced cannot be told. " +
                "Below are those that recorded spans."
            );
        const seen = blind
            ? `${number.format(blind)} of them could not be traced, or only in part`
            : "all could be traced";
        return `${plural(count, "program")} ran; ${seen}.`;
    }

    blindTable() {
        const blind = this.blind();
        if (!blind.length) return "";
        return sortableTable(
            "Programs that could not be traced",
            [
                {name: "Program", of: row => String(this.store.attribute(row, "process.executable.name"))},
                {name: "Reason", of: row => String(this.store.attribute(row, "run_traced.process.blind"))},
                {
                    name: "What that means",
                    of: row => BLIND[this.store.attribute(row, "run_traced.process.blind")] || ""
                },
                {name: "Span", of: row => this.store.id(row), show: row => this.link(row, this.store.id(row))}
            ],
            blind,
            0
        );
    }

    droppedTable() {
        if (!this.dropped.size) return "";
        return sortableTable(
            "Spans that were dropped",
            [
                {name: "Reason", of: ([reason]) => reason},
                {name: "Spans", isNumber: true, of: ([, count]) => count, show: ([, count]) => number.format(count)}
            ],
            [...this.dropped],
            1
        );
    }

    link(row, text) {
        return el("a", {href: spanLink(this.store.values[this.store.trace[row]], this.store.id(row))}, text);
    }

    /* Each below the nearest program that it came from. Rows are sorted by start: who starts another stands before it. */
    trees() {
        if (!this.programs.length) return [this.recorders()];
        const nodes = new Map(),
            roots = [];
        for (const row of this.programs.slice(0, TREE_MAX)) {
            let up = this.store.parent[row];
            for (let steps = 0; up >= 0 && !nodes.has(up) && steps < TREE_MAX; steps++) up = this.store.parent[up];
            let parent = nodes.get(up);
            if (parent && parent.depth === DEPTH_MAX) parent = parent.parent;
            const node = {row, parent, depth: parent ? parent.depth + 1 : 0, children: []};
            nodes.set(row, node);
            (parent ? parent.children : roots).push(node);
        }
        const left = this.programs.length - TREE_MAX;
        return [this.branch(roots), left > 0 ? el("p", {}, `Not drawn: ${plural(left, "program")}.`) : ""];
    }

    branch(nodes) {
        const items = nodes.map(node =>
            el("li", {}, this.program(node.row), node.children.length > 0 && this.branch(node.children))
        );
        return el("ul", {className: "programs"}, ...items);
    }

    program(row) {
        const {store} = this,
            blind = store.attribute(row, "run_traced.process.blind");
        const exit = store.attribute(row, "process.exit.code"),
            pid = store.attribute(row, "process.pid") ?? store.values[store.resource[row]]?.["process.pid"];
        return el(
            "span",
            {},
            this.link(row, String(store.attribute(row, "process.executable.name"))),
            el(
                "span",
                {className: "quiet"},
                pid === undefined ? "" : ` pid ${pid}`,
                ` ${durationText(store.duration[row])}`,
                exit === undefined ? "" : ` exit ${exit}`
            ),
            store.isError[row] ? el("span", {className: "error"}, " ✕ failed") : "",
            blind !== undefined && el("span", {className: "error"}, ` not traced: ${blind}`)
        );
    }

    /* Without process spans: who has recorded any. */
    recorders() {
        const {store} = this,
            counts = new Map();
        for (let row = 0; row < store.count; row++)
            counts.set(store.resource[row], (counts.get(store.resource[row]) || 0) + 1);
        const resource = value => store.values[value] || {};
        return sortableTable(
            "Processes that recorded spans",
            [
                {name: "Service", of: ([value]) => String(resource(value)["service.name"] ?? "unknown_service")},
                {name: "Program", of: ([value]) => String(resource(value)["process.executable.name"] ?? "")},
                {
                    name: "Pid",
                    isNumber: true,
                    of: ([value]) => resource(value)["process.pid"] ?? 0,
                    show: ([value]) => String(resource(value)["process.pid"] ?? "")
                },
                {name: "Host", of: ([value]) => String(resource(value)["host.name"] ?? "")},
                {name: "Spans", isNumber: true, of: ([, count]) => count, show: ([, count]) => number.format(count)}
            ],
            [...counts],
            4
        );
    }
}
