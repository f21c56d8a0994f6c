/* Services as boxes in layers, from who calls to who is called, and calls as lines between them. */

const GRAPH = {width: 190, height: 54, across: 340, down: 84, nodes: 60, texts: 24};

/* The boxes: those with most calls, if there are many. */
function graphNodes(store, calls) {
    const nodes = new Map();
    const nodeOf = (name, isOutside) => {
        const key = `${isOutside}\n${name}`;
        if (!nodes.has(key)) nodes.set(key, {key, name, isOutside, layer: 0, into: [], out: [], count: 0, errors: 0});
        return nodes.get(key);
    };
    for (const name of store.services) nodeOf(name, false);
    for (const call of calls) {
        const from = nodeOf(call.from, false),
            to = nodeOf(call.to, call.isOutside),
            edge = {call, from, to};
        from.out.push(edge);
        to.into.push(edge);
        to.count += call.count;
        to.errors += call.errors;
    }
    const calledMost = [...nodes.values()].sort((a, b) => weight(b) - weight(a));
    return {nodes: calledMost.slice(0, GRAPH.nodes), leftOut: Math.max(0, nodes.size - GRAPH.nodes)};
}

function weight(node) {
    return [...node.into, ...node.out].reduce((sum, edge) => sum + edge.call.count, 0);
}

/* Each behind all that call it, but for those that it calls back itself. */
function graphLayers(nodes) {
    const state = new Map(),
        isShown = new Set(nodes);
    const visit = node => {
        state.set(node, 1);
        for (const edge of node.out) {
            edge.isBack = state.get(edge.to) === 1;
            if (isShown.has(edge.to) && !state.has(edge.to)) visit(edge.to);
        }
        state.set(node, 2);
    };
    nodes.filter(node => !node.into.length).forEach(node => state.has(node) || visit(node));
    nodes.forEach(node => state.has(node) || visit(node));
    for (let pass = 0, isChanged = true; isChanged && pass < nodes.length; pass++) {
        isChanged = false;
        for (const node of nodes)
            for (const {to, isBack} of node.out)
                if (!isBack && isShown.has(to) && to.layer <= node.layer) {
                    to.layer = node.layer + 1;
                    isChanged = true;
                }
    }
}

/* Where services call each other in circles nobody is behind all others: then by how many calls they are away. */
function graphDistances(nodes) {
    const isShown = new Set(nodes),
        seen = new Set();
    let front = nodes.filter(node => node.into.every(edge => edge.from === node));
    for (let layer = 0; seen.size < nodes.length; layer++) {
        if (!front.length) front = [nodes.find(node => !seen.has(node))];
        front.forEach(node => {
            seen.add(node);
            node.layer = layer;
        });
        front = [...new Set(front.flatMap(node => node.out.map(edge => edge.to)))].filter(
            node => isShown.has(node) && !seen.has(node)
        );
    }
}

function graphArrange(nodes) {
    graphLayers(nodes);
    if (nodes.some(node => node.out.some(edge => edge.isBack && edge.to !== node))) graphDistances(nodes);
    const layers = [];
    nodes.forEach(node => (layers[node.layer] ||= []).push(node));
    return layers.filter(Boolean);
}

/* Each near the middle of those that call it: fewer lines cross. */
function graphPlace(layers) {
    const tallest = Math.max(...layers.map(layer => layer.length));
    layers.forEach((layer, x) => {
        const wish = node =>
            node.into.length ? node.into.reduce((sum, edge) => sum + (edge.from.y ?? 0), 0) / node.into.length : 0;
        layer.sort((a, b) => wish(a) - wish(b) || (a.name < b.name ? -1 : 1));
        layer.forEach((node, i) => {
            node.x = 10 + x * GRAPH.across;
            node.y = 10 + (i + (tallest - layer.length) / 2) * GRAPH.down;
        });
    });
    return {width: (layers.length - 1) * GRAPH.across + GRAPH.width + 130, height: tallest * GRAPH.down};
}

function shorten(text, length) {
    return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function graphBox(store, node) {
    const own = node.isOutside
        ? "left no span"
        : node.count
          ? `called ${number.format(node.count)}×`
          : "called by nobody here";
    const failed = node.errors ? `, ✕ ${percentText(node.errors, node.count)} failed` : "";
    const box = svg(
        "a",
        {class: node.isOutside ? "node outside" : "node", transform: `translate(${node.x} ${node.y})`},
        svg("title", {}, `${node.name}: ${own}${failed}`),
        svg("rect", {width: GRAPH.width, height: GRAPH.height, rx: 6}),
        svg("rect", {class: "stripe", width: 5, height: GRAPH.height, rx: 2}),
        svg("text", {x: 16, y: 22, class: "node-name"}, shorten(node.name, 24)),
        svg("text", {x: 16, y: 40, class: node.errors ? "node-facts error" : "node-facts"}, own + failed)
    );
    box.style.setProperty("--color", node.isOutside ? "var(--quiet)" : serviceColor(store, node.name));
    if (!node.isOutside) box.setAttribute("href", `#service=${encodeURIComponent(node.name)}`);
    return box;
}

function lineText(call) {
    return `${number.format(call.count)}× ${durationText(call.quantile(0.95))} `;
}

/* The line, and what is on it. One that leads to no later layer goes around. */
function graphLine({call, from, to}) {
    const middle = GRAPH.height / 2,
        failed = call.errors ? `✕ ${percentText(call.errors, call.count)}` : "";
    const isForth = to.x > from.x,
        x1 = from.x + GRAPH.width,
        y1 = from.y + middle,
        y2 = to.y + middle;
    const x2 = isForth ? to.x - 4 : to.x + GRAPH.width + 4,
        bend = isForth ? Math.min(70, (x2 - x1) / 2) : 60 + Math.abs(y2 - y1) / 8;
    const [c1, c2] = isForth ? [x1 + bend, x2 - bend] : [Math.max(x1, x2) + bend, Math.max(x1, x2) + bend];
    const line = svg(
        "path",
        {
            class: call.errors ? "line failed" : "line",
            "marker-end": "url(#arrow)",
            d: `M${x1} ${y1} C${c1} ${y1},${c2} ${y2},${x2} ${y2}`
        },
        svg("title", {}, `${from.name} to ${to.name}: ${lineText(call)}${failed}`)
    );
    line.style.strokeWidth = `${Math.min(5, 1 + Math.log10(call.count))}px`;
    /* Nearer to the callee: lines that begin together have parted there. */
    const t = 0.62,
        u = 1 - t,
        along = (a, b, c, d) => u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
    const text = svg(
        "text",
        {x: along(x1, c1, c2, x2), y: along(y1, y1, y2, y2) - 5, class: "line-facts"},
        lineText(call),
        svg("tspan", {class: "error"}, failed)
    );
    return [line, text];
}

function graphDraw(store, calls) {
    const {nodes, leftOut} = graphNodes(store, calls),
        isShown = new Set(nodes);
    const {width, height} = graphPlace(graphArrange(nodes));
    const lines = nodes.flatMap(node => node.out).filter(edge => isShown.has(edge.to) && edge.from !== edge.to);
    const drawn = lines.map(graphLine);
    const picture = svg(
        "svg",
        {
            viewBox: `0 0 ${width} ${height}`,
            width,
            height,
            role: "group",
            "aria-label": `${plural(nodes.length, "service")}, ${plural(lines.length, "line")}`
        },
        svg(
            "defs",
            {},
            svg(
                "marker",
                {
                    id: "arrow",
                    viewBox: "0 0 8 8",
                    refX: 7,
                    refY: 4,
                    markerWidth: 8,
                    markerHeight: 8,
                    orient: "auto",
                    markerUnits: "userSpaceOnUse"
                },
                svg("path", {d: "M0 0 L8 4 L0 8 z", class: "arrow"})
            )
        ),
        ...drawn.map(([line]) => line),
        ...nodes.map(node => graphBox(store, node)),
        ...(drawn.length > GRAPH.texts ? [] : drawn.map(([, text]) => text))
    );
    return el(
        "figure",
        {},
        picture,
        el(
            "figcaption",
            {},
            drawn.length > GRAPH.texts
                ? "What is on each line shows where it is pointed at, and in the table. "
                : "On each line: how many calls, the 95th percentile of how long they took, and how many failed. ",
            "A box leads to its traces.",
            leftOut ? ` ${leftOut} more, called less often, are only in the tables.` : ""
        )
    );
}
