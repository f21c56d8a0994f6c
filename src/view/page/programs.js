/* Spans of programs, from their start to their end, and tests, as src/view/span_decode.c and server_programs.c tell them. */

function isTest(store, row) {
    return store.kindOf(row) === "INTERNAL" && typeof store.attribute(row, "test.case.name") === "string";
}

function isProgram(store, row) {
    return (
        store.kindOf(row) === "INTERNAL" &&
        typeof store.attribute(row, "process.executable.name") === "string" &&
        !isTest(store, row)
    );
}

/* "✓ pass": what became of a test; "": the span is none. */
function testResultText(store, row) {
    if (!isTest(store, row)) return "";
    const result = store.attribute(row, "test.case.result.status");
    return {pass: "✓ pass", fail: "✗ fail", skipped: "○ skipped"}[result] || "? no result";
}

/* Of each node of @tree 1 if it is a program that nobody waited for: one that served a request of this trace, that a signal
 * ended, or whose children are all such, and the same program. None is what ran tests, nor the command's process if it did
 * anything else than serve. */
function programsAside(tree, isProgramNode) {
    const {store, count} = tree,
        aside = new Uint8Array(count),
        servers = new Set();
    if (!isProgramNode.includes(1)) return aside;
    const isServing = node => ["SERVER", "CONSUMER"].includes(tree.kind(node));
    const processOf = node => (tree.pid[node] ? `${tree.pid[node]} ${store.serviceOf(tree.row(node))}` : null);
    for (let node = 0; node < count; node++) if (isServing(node)) servers.add(processOf(node));
    servers.delete(null);
    const isKilled = node => tree.isError(node) && /^SIG/.test(store.attribute(tree.row(node), "error.type"));
    const root = tree.totalRoots.length === 1 ? tree.totalRoots[0] : -1;
    for (let i = count; i-- > 0;) {
        const node = tree.order[i],
            isRoot = tree.parent[node] < 0,
            children = [...tree.childrenOf(node)];
        if (!isProgramNode[node]) continue;
        const name = store.nameOf(tree.row(node));
        const isMaster =
            children.length && children.every(child => aside[child] && store.nameOf(tree.row(child)) === name);
        const isCommand = isRoot || (root >= 0 && tree.pid[root] && tree.pid[root] === tree.pid[node]);
        const hasOwnWork = children.some(
            child => isTest(store, tree.row(child)) || (isCommand && !isProgramNode[child] && !isServing(child))
        );
        const isAside = servers.has(processOf(node)) || isMaster || (!isRoot && isKilled(node));
        aside[node] = isAside && !hasOwnWork ? 1 : 0;
    }
    return aside;
}
