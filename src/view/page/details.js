/* All that is known of one span. */

const spanLink = (traceId, spanId) => `#trace=${traceId}&span=${spanId}`;

/* Attributes in the order of what people look for. */
const GROUPS = [
    ["Request", key => /^(http|url|rpc|db|messaging|graphql)\./.test(key)],
    ["Where from", key => /^code\./.test(key) || key === "run_traced.code.address"],
    ["Error", key => /^(error|exception)\./.test(key)],
    ["Connection", key => /^(server|client|network|tls|user_agent)\./.test(key)],
    ["Process", key => /^(process|thread|host|run_traced)\./.test(key)],
    ["Other", () => true]
];

function groupedAttributes(attributes) {
    const rest = attributes.slice(),
        groups = [];
    for (const [name, is] of GROUPS) {
        const own = rest.filter(([key]) => is(key));
        own.forEach(entry => rest.splice(rest.indexOf(entry), 1));
        if (own.length) groups.push(factTable(name, own));
    }
    return groups;
}

function callSiteText(store, row) {
    const file = store.attribute(row, "code.file.path"),
        line = store.attribute(row, "code.line.number");
    const name = store.attribute(row, "code.function.name");
    if (!file && !name) return "";
    return `${name ? `${name} ` : ""}${file ? `in ${file}${line ? `, line ${line}` : ""}` : ""}`.trim();
}

function copyButton(text, what) {
    return el(
        "button",
        {
            type: "button",
            className: "copy",
            "aria-label": `Copy ${what}`,
            onclick: async () => {
                try {
                    await navigator.clipboard.writeText(text);
                    announce(`${what} copied.`);
                } catch {
                    announce("The browser does not allow copying here.");
                }
            }
        },
        "Copy"
    );
}

class Details {
    constructor() {
        this.panel = byId("details");
    }

    show(tree, node) {
        const {store} = tree,
            row = tree.row(node),
            {name, path} = store.label(row),
            details = store.details(row);
        this.panel.replaceChildren(
            el(
                "h3",
                {},
                serviceMark(store, store.serviceOf(row)),
                ` ${store.serviceOf(row)}: ${name}`,
                path && ` ${path}`
            ),
            this.outcome(store, row),
            this.timing(tree, node),
            this.family(tree, node),
            ...groupedAttributes(details.attributes),
            this.events(details.events),
            this.links(store, details.links),
            factTable("Resource", Object.entries(store.values[store.resource[row]] || {})),
            this.ids(store, row, details)
        );
        this.panel.scrollTop = 0;
    }

    outcome(store, row) {
        const status = store.values[store.status[row]],
            message = store.values[store.message[row]];
        const type = store.attribute(row, "error.type"),
            site = callSiteText(store, row);
        const text =
            status === "ERROR"
                ? `✕ Failed${type ? `: ${type}` : ""}${message ? ` (${message})` : ""}`
                : status === "OK"
                  ? "✓ OK"
                  : "No failure was seen.";
        return el(
            "p",
            {className: status === "ERROR" ? "failure" : "quiet"},
            text,
            site && el("br"),
            site && `Called from ${site}.`
        );
    }

    timing(tree, node) {
        const {store} = tree,
            row = tree.row(node),
            start = store.file.origin + store.start[row];
        const total = tree.totalTo - tree.totalFrom;
        const entries = [
            ["kind", store.kindOf(row)],
            [
                "started",
                `${dayText(start)} ${clockText(start)}, ${durationText(tree.start[node] - tree.from)} after the trace`
            ],
            ["took", `${durationText(store.duration[row])} (${percentText(store.duration[row], total)} of the trace)`],
            [
                "critical path",
                tree.isOnPath(node)
                    ? `${durationText(tree.self[node])} of it were spent here`
                    : "nothing waited for it alone"
            ]
        ];
        const skew = durationText(Math.abs(tree.skew[node])),
            way = tree.skew[node] > 0 ? "later" : "earlier";
        if (tree.skew[node]) entries.push(["clock", `shown ${skew} ${way} than recorded: its host's clock differs`]);
        return factTable("Time", entries);
    }

    family(tree, node) {
        const {store} = tree,
            parent = tree.parent[node],
            children = [...tree.childrenOf(node)];
        const link = other =>
            el(
                "a",
                {href: spanLink(tree.trace.id, store.id(tree.row(other)))},
                `${store.serviceOf(tree.row(other))}: ${store.nameOf(tree.row(other))}`
            );
        const isAmbiguous = store.attribute(tree.row(node), "run_traced.parent.ambiguous") === true;
        return factTable("Place in the trace", [
            [
                "parent",
                parent >= 0
                    ? link(parent)
                    : parent === -2
                      ? `not in this file: ${store.parentId(tree.row(node))}`
                      : isAmbiguous
                        ? "unclear: one of those that it links to"
                        : "none: a root"
            ],
            [
                "children",
                children.length > 5
                    ? plural(children.length, "span")
                    : children.length
                      ? el("span", {}, ...children.flatMap((child, i) => [i ? el("br") : "", link(child)]))
                      : "none"
            ]
        ]);
    }

    events(events) {
        if (!events.length) return "";
        return factTable(
            "Events, by time after the span's start",
            events.map(event => [
                `+${durationText(event.after)}`,
                event.attributes.length
                    ? el(
                          "span",
                          {},
                          event.name,
                          ...event.attributes.flatMap(([key, value]) => [
                              el("br"),
                              el("span", {className: "quiet"}, `${key} = ${valueText(value)}`)
                          ])
                      )
                    : event.name || ""
            ])
        );
    }

    links(store, links) {
        if (!links.length) return "";
        return factTable(
            "Links",
            links.map(({traceId, spanId, attributes}) => {
                const isHere = store.traceById.has(traceId);
                const told = [isHere ? "" : "not in this page", `trace ${traceId}`];
                told.push(...attributes.map(([key, value]) => `${key} = ${valueText(value)}`));
                return [
                    isHere ? el("a", {href: spanLink(traceId, spanId)}, spanId) : String(spanId),
                    told.filter(Boolean).join(", ")
                ];
            })
        );
    }

    ids(store, row, details) {
        const trace = store.values[store.trace[row]],
            span = store.id(row);
        const entries = [
            ["trace id", el("span", {className: "id"}, trace, " ", copyButton(trace, "Trace id"))],
            ["span id", el("span", {className: "id"}, span, " ", copyButton(span, "Span id"))]
        ];
        if (details.traceState) entries.push(["tracestate", details.traceState]);
        return factTable("Ids", entries);
    }
}
