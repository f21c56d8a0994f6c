/* The view of one trace: what it was, where its time went, its waterfall and a span's details. */

class TraceView {
    /* @list: whose neighbours [ and ] lead to. */
    constructor(store, list) {
        this.store = store;
        this.list = list;
        this.details = new Details();
        this.waterfall = new Waterfall(node => this.choose(node));
    }

    /* Returns false if there is no such trace. */
    show(traceId, spanId) {
        const trace = this.store.traceById.get(traceId);
        if (!trace) return false;
        if (this.tree?.trace !== trace) {
            this.tree = new Tree(trace);
            this.head();
            this.waterfall.show(this.tree);
        }
        this.neighbours();
        const node = spanId ? this.find(spanId) : this.waterfall.node;
        if (node >= 0 && node !== this.waterfall.node) this.waterfall.reveal(node);
        this.details.show(this.tree, this.waterfall.node);
        if (node < 0) announce("That span is not in this page.");
        return true;
    }

    find(spanId) {
        for (let node = 0; node < this.tree.count; node++)
            if (this.store.id(this.tree.row(node)) === spanId) return node;
        return -1;
    }

    /* The address says which one: it can be kept and handed on. */
    choose(node) {
        const row = this.tree.row(node);
        history.replaceState(null, "", spanLink(this.tree.trace.id, this.store.id(row)));
        this.details.show(this.tree, node);
        announce(
            `${this.store.serviceOf(row)}, ${this.store.nameOf(row)}, ${durationText(this.store.duration[row])}` +
                `${this.tree.isError(node) ? ", failed" : ""}`
        );
    }

    head() {
        const {tree, store} = this,
            {trace} = tree,
            head = tree.row(tree.totalRoots[0]),
            {name, path} = store.label(head);
        const start = store.file.origin + tree.from;
        byId("trace-title").textContent = `${store.serviceOf(head)}: ${name}${path && ` ${path}`}`;
        byId("trace-facts").replaceChildren(
            `${dayText(start)} ${clockText(start)} · `,
            el("b", {}, durationText(tree.totalTo - tree.totalFrom)),
            ` · ${plural(trace.spans, "span")} · ${plural(trace.services.length, "service")} · `,
            trace.errors ? el("span", {className: "error"}, `✕ ${plural(trace.errors, "error")}`) : "no errors",
            " · ",
            el("span", {className: "id"}, trace.id),
            " ",
            copyButton(trace.id, "Trace id")
        );
        this.failure();
        byId("shares").replaceChildren(this.shares());
    }

    /* The sentence that the terminal has as well: what failed, called by whom, from which line. */
    failure() {
        const {tree, store} = this,
            node = tree.failed(),
            place = byId("trace-error");
        place.hidden = node < 0;
        if (node < 0) return;
        const row = tree.row(node),
            parent = tree.parent[node] >= 0 ? tree.row(tree.parent[node]) : -1;
        const {name, path} = store.label(row),
            service = store.serviceOf(row);
        const isCalled = tree.kind(node) === "SERVER" && parent >= 0;
        const status = store.attribute(row, "http.response.status_code"),
            type = store.attribute(row, "error.type");
        const what = `${name}${path && ` ${path}`}`;
        const site = callSiteText(store, row) || (isCalled && callSiteText(store, parent));
        const link = el("a", {href: spanLink(tree.trace.id, store.id(row))});
        if (tree.kind(node) === "SERVER" && status) link.append(`${service} answered ${what} with ${status}`);
        else link.append(`${service}: ${what} ${status ? `got ${status}` : `failed${type ? ` (${type})` : ""}`}`);
        const end = [` after ${durationText(store.duration[row])}`];
        if (isCalled) end.push(`called by ${store.serviceOf(parent)}`);
        if (site) end.push(`called from ${site}`);
        place.replaceChildren("✕ ", link, `${end.join(", ")}.`);
    }

    shares() {
        const {tree, store} = this,
            total = tree.totalTo - tree.totalFrom,
            all = tree.shares(),
            shares = all.slice(0, 8);
        const rest = all.slice(8).reduce((sum, share) => sum + share.us, 0);
        if (rest > 0) shares.push({kind: "rest", text: `${all.length - 8} more`, service: null, us: rest});
        const bar = el(
            "div",
            {className: "share-bar", "aria-hidden": "true"},
            ...shares.map(share => {
                const part = el("span", {
                    className: `share ${share.kind}`,
                    title: `${share.text} ${durationText(share.us)}`
                });
                part.style.flexGrow = share.us;
                part.style.setProperty("--color", share.service ? serviceColor(store, share.service) : "var(--quiet)");
                return part;
            })
        );
        const list = el(
            "ul",
            {className: "shares"},
            ...shares.map(share =>
                el(
                    "li",
                    {},
                    share.service
                        ? serviceMark(store, share.service)
                        : el("i", {className: `mark ${share.kind}`, "aria-hidden": "true"}),
                    `${share.text} `,
                    el("b", {}, percentText(share.us, total)),
                    ` ${durationText(share.us)}`
                )
            )
        );
        return el(
            "figure",
            {className: "where"},
            el("figcaption", {}, "Where the time went, along the critical path"),
            bar,
            list
        );
    }

    neighbours() {
        const place = this.list.place(this.tree.trace.id),
            {found} = this.list;
        byId("position").textContent =
            place < 0 ? "" : `${number.format(place + 1)} of ${plural(found.length, "trace")}`;
    }

    /* By @step in the list as it is. */
    neighbour(step) {
        const next = this.list.found[this.list.place(this.tree.trace.id) + step];
        if (next) location.hash = `trace=${next.id}`;
        else announce(step < 0 ? "This is the first trace of the list." : "This is the last trace of the list.");
    }
}
