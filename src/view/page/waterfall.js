/* One trace: its spans as rows of a tree, each with its bar on a common scale of time. */

const TOOK_WIDTH = 92; /* pixels that a duration and a status take */
const BAR_MARKS_MAX = 60; /* of one bar: more would be less than a pixel each */

class Waterfall {
    /* @choose(node): a span was chosen. */
    constructor(choose) {
        this.choose = choose;
        this.grid = byId("waterfall");
        this.rows = new Rows(this.grid, 28, index => this.row(this.shown[index], index));
        this.minimap = new Minimap(this);
        this.shown = [];
        this.listen();
    }

    listen() {
        this.grid.addEventListener("click", event => {
            const row = event.target.closest("[data-index]");
            if (!row || this.hasDragged) return;
            const node = this.shown[row.dataset.index];
            if (event.target.closest(".fold")) this.fold(node, !this.folded.has(node));
            else this.chooseNode(node);
        });
        this.grid.addEventListener("keydown", event => this.keyPress(event));
        this.grid.addEventListener("wheel", event => this.wheel(event), {passive: false});
        this.rows.scroller.addEventListener("pointerdown", event => this.drag(event));
        const buttons = {
            "zoom-in": () => this.window.zoom(0.5),
            "zoom-out": () => this.window.zoom(2),
            "zoom-all": () => this.window.all(),
            "fold-all": () => this.foldAll(true),
            "unfold-all": () => this.foldAll(false),
            "next-error": () => this.next(node => this.tree.isError(node), "error"),
            "next-path": () => this.next(node => this.tree.isOnPath(node), "span on the critical path")
        };
        for (const [id, press] of Object.entries(buttons)) byId(id).addEventListener("click", press);
        byId("only-path").addEventListener("change", () => this.reshow());
        new ResizeObserver(() => this.tree && this.redraw()).observe(this.grid);
    }

    show(tree) {
        this.tree = tree;
        this.folded = new Set();
        this.window = new Window(tree.to - tree.from, () => this.redraw());
        this.node = tree.order[0];
        byId("only-path").checked = false;
        this.rows.scroller.scrollTop = 0;
        this.reshow();
    }

    /* Which nodes are rows: all but those below one that is closed. */
    reshow() {
        const {tree} = this,
            isPathOnly = byId("only-path").checked;
        this.shown = [];
        for (let i = 0; i < tree.count; i++) {
            const node = tree.order[i];
            if (!isPathOnly || tree.isOnPath(node)) this.shown.push(node);
            if (this.folded.has(node)) i += tree.below[node] - 1;
        }
        this.rows.setCount(this.shown.length, this.shown.indexOf(this.node));
        this.redraw();
    }

    redraw() {
        if (!this.tree) return;
        this.rows.refresh();
        this.drawAxis();
        this.minimap.draw();
    }

    fold(node, isFolded) {
        if (this.tree.firstChild[node] < 0) return;
        if (isFolded) this.folded.add(node);
        else this.folded.delete(node);
        this.reshow();
        this.rows.activate(this.shown.indexOf(this.node));
    }

    foldAll(isFolded) {
        this.folded.clear();
        for (let node = 0; node < this.tree.count && isFolded; node++)
            if (this.tree.firstChild[node] >= 0 && this.tree.parent[node] >= 0) this.folded.add(node);
        this.reshow();
    }

    /* Opens what it is below, and goes there. */
    reveal(node) {
        for (let up = this.tree.parent[node]; up >= 0; up = this.tree.parent[up]) this.folded.delete(up);
        if (byId("only-path").checked && !this.tree.isOnPath(node)) byId("only-path").checked = false;
        this.node = node;
        this.reshow();
        this.rows.activate(this.shown.indexOf(node));
        const from = this.tree.start[node] - this.tree.from,
            to = this.tree.end[node] - this.tree.from;
        if (to < this.window.from || from > this.window.to)
            this.window.set(
                from - (this.window.to - this.window.from) / 2,
                from + (this.window.to - this.window.from) / 2
            );
    }

    chooseNode(node) {
        this.node = node;
        this.rows.activate(this.shown.indexOf(node));
        this.choose(node);
    }

    /* The next of a kind after the chosen one, from the first again behind the last. */
    next(is, what) {
        const {order} = this.tree,
            at = this.node < 0 ? -1 : order.indexOf(this.node);
        for (let i = 1; i <= order.length; i++) {
            const node = order[(at + i) % order.length];
            if (!is(node)) continue;
            this.reveal(node);
            this.choose(node);
            return;
        }
        announce(`There is no ${what} in this trace.`);
    }

    focusOn(node) {
        const from = this.tree.start[node] - this.tree.from,
            to = this.tree.end[node] - this.tree.from;
        const margin = Math.max((to - from) * 0.1, 1);
        this.window.set(from - margin, to + margin);
    }

    keyPress(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const {tree, node} = this,
            target = this.rows.keyTarget(event.key);
        const keys = {
            "+": () => this.window.zoom(0.5),
            "=": () => this.window.zoom(0.5),
            "-": () => this.window.zoom(2),
            0: () => this.window.all(),
            a: () => this.window.pan(-0.25),
            d: () => this.window.pan(0.25),
            f: () => node >= 0 && this.focusOn(node),
            e: () => byId("next-error").click(),
            c: () => byId("next-path").click(),
            Enter: () => byId("details").focus(),
            ArrowRight: () =>
                node >= 0 &&
                (this.folded.has(node)
                    ? this.fold(node, false)
                    : tree.firstChild[node] >= 0 && this.chooseNode(tree.firstChild[node])),
            ArrowLeft: () =>
                node >= 0 &&
                (tree.firstChild[node] >= 0 && !this.folded.has(node)
                    ? this.fold(node, true)
                    : tree.parent[node] >= 0 && this.chooseNode(tree.parent[node]))
        };
        if (target >= 0) this.chooseNode(this.shown[target]);
        else if (event.key in keys) keys[event.key]();
        else return;
        event.preventDefault();
    }

    /* Where the bars are, on the screen. */
    timeline() {
        return byId("axis").getBoundingClientRect();
    }

    timeAt(x) {
        const {left, width} = this.timeline();
        return this.window.from + ((x - left) / width) * (this.window.to - this.window.from);
    }

    wheel(event) {
        const isOnAxis = event.target.closest(".timeline");
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
            this.window.pan(Math.sign(event.deltaX || event.deltaY) * 0.1);
        else if (event.ctrlKey || event.metaKey || event.altKey || isOnAxis)
            this.window.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeAt(event.clientX));
        else return;
        event.preventDefault();
    }

    /* Dragging over bars chooses the stretch to zoom to. */
    drag(event) {
        this.hasDragged = false;
        if (event.button !== 0 || !event.target.closest(".bars") || event.pointerType === "touch") return;
        const from = event.clientX,
            {left, width} = this.timeline();
        const shade = el("div", {className: "shade"});
        const move = to => {
            if (!this.hasDragged && Math.abs(to.clientX - from) < 5) return;
            this.hasDragged = true;
            if (!shade.isConnected) this.grid.append(shade);
            const [low, high] = [from, Math.min(Math.max(to.clientX, left), left + width)].sort((a, b) => a - b);
            shade.style.left = `${low - this.grid.getBoundingClientRect().left}px`;
            shade.style.width = `${high - low}px`;
        };
        const end = to => {
            removeEventListener("pointermove", move);
            removeEventListener("pointerup", end);
            shade.remove();
            if (!this.hasDragged) return;
            const [low, high] = [this.timeAt(from), this.timeAt(to.clientX)].sort((a, b) => a - b);
            this.window.set(low, high);
        };
        addEventListener("pointermove", move);
        addEventListener("pointerup", end);
    }

    drawAxis() {
        const axis = byId("axis"),
            {from, to} = this.window;
        axis.replaceChildren(
            ...ticksOf(from, to, Math.max(2, axis.clientWidth / 110)).map(us => {
                const tick = el("span", {className: "tick"}, durationText(us));
                tick.style.left = `${this.window.share(us) * 100}%`;
                tick.classList.toggle("last", this.window.share(us) > 0.92);
                return tick;
            })
        );
    }

    row(node, index) {
        const {tree} = this,
            row = tree.row(node),
            hasChildren = tree.firstChild[node] >= 0;
        const classes = ["row", tree.isOnPath(node) && "on-path", index % 2 && "odd", tree.isError(node) && "failed"];
        if (tree.isError(node) && !tree.failedBelow[node]) classes.push("origin");
        const element = el("div", {
            role: "row",
            "aria-level": tree.depth[node] + 1,
            "aria-expanded": hasChildren ? String(!this.folded.has(node)) : undefined,
            className: classes.filter(Boolean).join(" ")
        });
        element.append(this.labelOf(node, row, hasChildren), this.barsOf(node, row));
        return element;
    }

    labelOf(node, row, hasChildren) {
        const {tree} = this,
            {store} = tree,
            {name, path} = store.label(row),
            service = store.serviceOf(row);
        const label = el(
            "span",
            {role: "gridcell", className: "what", title: `${service}: ${name}${path && ` ${path}`}`},
            el(
                "span",
                {className: hasChildren ? "fold" : "no-fold", "aria-hidden": "true"},
                hasChildren ? (this.folded.has(node) ? "▸" : "▾") : ""
            ),
            serviceMark(store, service),
            tree.isError(node) && el("span", {className: "error", role: "img", "aria-label": "failed"}, "✕ "),
            el("b", {className: "service"}, service),
            el(
                "span",
                {className: "name"},
                tree.kind(node) === "CLIENT" ? `→ ${name}` : name,
                path && el("span", {className: "path"}, ` ${path}`)
            ),
            this.folded.has(node) && el("span", {className: "quiet"}, ` +${number.format(tree.below[node] - 1)}`)
        );
        label.style.paddingLeft = `${Math.min(tree.depth[node], 24) * 14 + 4}px`;
        return label;
    }

    barsOf(node, row) {
        const {tree} = this,
            {store} = tree;
        const from = this.window.share(tree.start[node] - tree.from),
            to = this.window.share(tree.end[node] - tree.from);
        const status = store.attribute(row, "http.response.status_code");
        const result = status || testResultText(store, row);
        const took = durationText(tree.end[node] - tree.start[node]) + (result ? ` ${result}` : "");
        const spoken =
            `${took}, ${durationText(tree.start[node] - tree.from)} after the start` +
            `${tree.isOnPath(node) ? `, ${durationText(tree.self[node])} of the critical path` : ""}`;
        const cell = el("span", {role: "gridcell", className: "bars", "aria-label": spoken});
        cell.style.setProperty("--color", serviceColor(store, store.serviceOf(row)));
        if (to < 0 || from > 1) {
            cell.append(
                el("span", {className: to < 0 ? "beyond left" : "beyond right"}, to < 0 ? `◂ ${took}` : `${took} ▸`)
            );
            return cell;
        }
        const place = (element, low, high) => {
            element.style.left = `${Math.max(low, 0) * 100}%`;
            element.style.width = `${(Math.min(high, 1) - Math.max(low, 0)) * 100}%`;
            return element;
        };
        cell.append(place(el("span", {className: "bar"}), from, to));
        for (const [low, high] of this.pathMarks(node))
            cell.append(place(el("span", {className: "path-mark"}), low, high));
        for (const at of this.eventMarks(node, row)) cell.append(place(el("span", {className: "event-mark"}), at, at));
        const text = el("span", {className: "took"}, took);
        const room = TOOK_WIDTH / Math.max(byId("axis").clientWidth, 1);
        if (to > 1 - room && from > room) {
            text.classList.add("left");
            text.style.right = `${(1 - Math.max(from, 0)) * 100}%`;
        } else if (to > 1 - room) {
            text.classList.add("within");
        } else {
            text.style.left = `${Math.min(to, 1) * 100}%`;
        }
        cell.append(text);
        return cell;
    }

    /* The stretches of a bar that the trace waited for, as shares; what is less than a pixel apart is one. */
    pathMarks(node) {
        const marks = [],
            pixel = 1 / Math.max(byId("axis").clientWidth, 1);
        for (const [from, to] of this.tree.segments.get(node) || []) {
            /* latest first */
            const low = this.window.share(from - this.tree.from),
                high = this.window.share(to - this.tree.from);
            const last = marks[marks.length - 1];
            if (high < 0) break;
            if (low > 1) continue;
            if (last && last[0] - high < pixel) last[0] = low;
            else if (marks.length < BAR_MARKS_MAX) marks.push([low, high]);
        }
        return marks;
    }

    eventMarks(node, row) {
        return this.tree.store
            .details(row)
            .events.slice(0, BAR_MARKS_MAX)
            .map(event => this.window.share(this.tree.start[node] - this.tree.from + event.after))
            .filter(at => at >= 0 && at <= 1);
    }
}
