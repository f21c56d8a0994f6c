/* One trace assembled, as src/view/trace_tree.c, clock_skew.c and critical_path.c do it for the terminal. A node is a number:
 * its row, counted from the trace's first. */

const SKEW_MIN_US = 1000; /* below this, rounding and a clock being slewed are as likely */

class Tree {
    constructor(trace) {
        const {store, begin, end} = trace,
            count = end - begin;
        this.trace = trace;
        this.store = store;
        this.count = count;
        this.start = store.start.slice(begin, end);
        this.end = this.start.map((start, i) => start + store.duration[begin + i]);
        this.skew = new Float64Array(count);
        this.parent = store.parent.slice(begin, end).map(row => (row < 0 ? row : row - begin));
        this.depth = new Int32Array(count);
        this.cutCycles();
        this.linkChildren();
        this.walk();
        this.findTotal();
        this.pid = Int32Array.from({length: count}, (_, node) => store.pidOf(begin + node));
        this.isProgram = Uint8Array.from({length: count}, (_, node) => (isProgram(store, begin + node) ? 1 : 0));
        this.isAside = programsAside(this, this.isProgram);
        this.findCriticalPath();
    }

    row(node) {
        return this.trace.begin + node;
    }
    kind(node) {
        return this.store.kindOf(this.row(node));
    }
    isError(node) {
        return this.store.isError[this.row(node)] === 1;
    }

    /* Of spans that are each other's ancestors the earliest becomes a root. */
    cutCycles() {
        const walkOf = new Int32Array(this.count).fill(-1);
        for (let i = 0; i < this.count; i++) {
            let node = i;
            while (node >= 0 && walkOf[node] < 0) {
                walkOf[node] = i;
                node = this.parent[node];
            }
            if (node < 0 || walkOf[node] !== i || this.parent[node] < 0) continue;
            let first = node,
                isCircle = false;
            for (let n = this.parent[node]; n >= 0 && !isCircle; n = this.parent[n]) {
                isCircle = n === node;
                first = Math.min(first, n); /* rows are sorted by start */
            }
            if (isCircle) this.parent[first] = -1;
        }
    }

    /* Rows are sorted by start, and so is every list of children. */
    linkChildren() {
        this.firstChild = new Int32Array(this.count).fill(-1);
        this.nextSibling = new Int32Array(this.count).fill(-1);
        this.roots = [];
        for (let node = this.count; node-- > 0;) {
            const parent = this.parent[node];
            if (parent < 0) {
                this.roots.push(node);
                continue;
            }
            this.nextSibling[node] = this.firstChild[parent];
            this.firstChild[parent] = node;
        }
        this.roots.reverse();
    }

    *childrenOf(node) {
        for (let child = this.firstChild[node]; child >= 0; child = this.nextSibling[child]) yield child;
    }

    /* Depth first, as shown; parents before their children, so what these inherit is known. */
    walk() {
        this.order = new Int32Array(this.count);
        this.failedBelow = new Uint8Array(this.count);
        this.below = new Int32Array(this.count).fill(1); /* spans of the subtree, itself included */
        const stack = this.roots.slice().reverse();
        for (let i = 0; stack.length; i++) {
            const node = stack.pop(),
                parent = this.parent[node];
            this.order[i] = node;
            if (parent >= 0) {
                this.depth[node] = this.depth[parent] + 1;
                this.correctSkew(node, parent);
            }
            for (const child of [...this.childrenOf(node)].reverse()) stack.push(child);
        }
        for (let i = this.count; i-- > 0;) {
            const node = this.order[i],
                parent = this.parent[node];
            if (parent < 0) continue;
            this.below[parent] += this.below[node];
            this.failedBelow[parent] |= this.failedBelow[node] | (this.isError(node) ? 1 : 0);
        }
    }

    move(node, by) {
        this.start[node] += by;
        this.end[node] += by;
        this.skew[node] += by;
    }

    correctSkew(node, parent) {
        this.move(node, this.skew[parent]);
        if (this.kind(node) !== "SERVER" || this.kind(parent) !== "CLIENT") return;
        const isBefore = this.start[node] < this.start[parent] - SKEW_MIN_US;
        const isAfter = this.start[node] > this.end[parent] + SKEW_MIN_US && !this.isError(parent);
        if (!isBefore && !isAfter) return;
        const slack = this.end[parent] - this.start[parent] - (this.end[node] - this.start[node]);
        this.move(node, this.start[parent] + Math.floor(Math.max(slack, 0) / 2) - this.start[node]);
    }

    findTotal() {
        const hasTrueRoot = this.roots.some(root => this.parent[root] === -1);
        this.totalRoots = this.roots.filter(root => !hasTrueRoot || this.parent[root] === -1);
        this.from = this.to = this.start[this.roots[0]];
        for (let node = 0; node < this.count; node++) {
            this.from = Math.min(this.from, this.start[node]);
            this.to = Math.max(this.to, this.end[node]);
        }
        this.totalFrom = this.start[this.totalRoots[0]];
        this.totalTo = this.totalRoots.reduce((to, root) => Math.max(to, this.end[root]), -Infinity);
    }

    /* Gives each instant of the total to one span: the one that was waited for. From the end of a span backwards, the child that
     * finished last was waited for; what lies before its start was waiting for the one that finished last before that. */
    findCriticalPath() {
        const {count} = this,
            top = count;
        const ends = Int32Array.from({length: count}, (_, i) => i);
        ends.sort((a, b) => this.end[a] - this.end[b] || this.start[a] - this.start[b] || a - b);
        const lastChild = new Int32Array(count + 1).fill(-1),
            previous = new Int32Array(count).fill(-1);
        const isTotal = new Set(this.totalRoots);
        for (const node of ends) {
            if (this.parent[node] < 0 ? !isTotal.has(node) : this.isAside[node]) continue;
            const waiting = this.waitingOf(node),
                parent = waiting < 0 ? top : waiting;
            previous[node] = lastChild[parent];
            lastChild[parent] = node;
        }
        const self = new Float64Array(count + 1);
        const low = new Float64Array(count + 1),
            high = new Float64Array(count + 1),
            cursor = new Float64Array(count + 1);
        const up = new Int32Array(count + 1).fill(-1);
        const startOf = node => (node === top ? this.totalFrom : this.start[node]);
        const endOf = node => (node === top ? this.totalTo : this.end[node]);
        this.segments = new Map(); /* of each node on the path: [from, to], latest first */
        low[top] = this.totalFrom;
        high[top] = cursor[top] = this.totalTo;

        const add = (node, from, to) => {
            from = Math.max(from, low[node]);
            to = Math.min(to, high[node]);
            if (to <= from) return;
            self[node] += to - from;
            if (!this.segments.has(node)) this.segments.set(node, []);
            this.segments.get(node).push([from, to]);
        };
        const isWaitedFor = (parent, child) => {
            const tolerance = 10 + Math.floor((this.end[child] - this.start[child]) / 500);
            if (this.end[child] <= cursor[parent] + tolerance) return true;
            /* A call is over when its client says so, whatever the server does after it. */
            return (
                parent !== top &&
                this.kind(parent) === "CLIENT" &&
                this.kind(child) === "SERVER" &&
                cursor[parent] === endOf(parent)
            );
        };
        const take = (parent, child) => {
            const to = Math.min(this.end[child], cursor[parent]),
                from = Math.max(this.start[child], startOf(parent));
            if (from >= to) return parent;
            add(parent, to, cursor[parent]);
            cursor[parent] = from;
            low[child] = Math.max(from, low[parent]);
            high[child] = Math.min(to, high[parent]);
            if (low[child] >= high[child]) return parent;
            cursor[child] = this.end[child];
            up[child] = parent;
            return child;
        };
        for (let node = top; node >= 0;) {
            const child = lastChild[node];
            if (child >= 0 && cursor[node] > low[node]) {
                lastChild[node] = previous[child];
                node = isWaitedFor(node, child) ? take(node, child) : node;
                continue;
            }
            add(node, startOf(node), cursor[node]);
            node = up[node];
        }
        this.outside = self[top];
        this.self = self.subarray(0, count);
        for (let node = 0; node < count; node++) {
            if (!this.isAside[node]) continue;
            this.outside += self[node];
            self[node] = 0;
            this.segments.delete(node);
        }
        this.segments.delete(top);
    }

    /* Who waited for it: what a program did that is aside counts for the one that started it, and so does what a program
     * went on as, by exec. */
    waitingOf(node) {
        const {isProgram, pid} = this;
        const isReplaced = program => isProgram[program] && isProgram[node] && pid[node] && pid[program] === pid[node];
        let waiting = this.parent[node];
        while (waiting >= 0 && this.parent[waiting] >= 0 && (this.isAside[waiting] || isReplaced(waiting)))
            waiting = this.parent[waiting];
        return waiting;
    }

    isOnPath(node) {
        return this.self[node] > 0;
    }

    serverOf(client) {
        for (const child of this.childrenOf(client)) if (this.kind(child) === "SERVER") return child;
        return -1;
    }

    /* What the critical path was made of, the longest first: {kind, text, service, us}, as src/view/analysis.c has it. */
    shares() {
        const sums = new Map(),
            {store} = this;
        const add = (kind, text, service, us) => {
            const key = `${kind} ${text}`,
                share = sums.get(key) || {kind, text, service, us: 0};
            share.us += us;
            sums.set(key, share);
        };
        for (let node = 0; node < this.count; node++) {
            const us = this.self[node],
                row = this.row(node),
                service = store.serviceOf(row);
            if (us <= 0) continue;
            if (this.isProgram[node]) {
                const name = store.nameOf(row);
                add("program", `in the program ${name}`, null, us);
                continue;
            }
            if (this.kind(node) !== "CLIENT") {
                add("service", service, service, us);
                continue;
            }
            const server = this.serverOf(node);
            if (server < 0) add("callee", `waiting for ${store.calleeOf(row) || "an unknown callee"}, which left no span`, null, us);
            else add("network", `between ${service} and ${store.serviceOf(this.row(server))}`, null, us);
        }
        if (this.outside > 0) add("outside", "no span was active", null, this.outside);
        return [...sums.values()].sort((a, b) => b.us - a.us);
    }

    /* The deepest span that failed; of several the first; a program's only if there is no other. -1: none. */
    failed() {
        const worth = node => (this.isProgram[node] ? -1 : this.depth[node]);
        let found = -1;
        for (const node of this.order) if (this.isError(node) && (found < 0 || worth(node) > worth(found))) found = node;
        return found;
    }
}
