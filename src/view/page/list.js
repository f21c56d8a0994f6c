/* The list of traces. */

class TraceList {
    constructor(store, open) {
        this.store = store;
        this.open = open;
        this.search = new Search(store);
        this.found = store.traces;
        this.grid = byId("list");
        this.rows = new Rows(this.grid, 34, index => this.row(this.found[index]));
        this.scatter = new Scatter(store, byId("scatter"), trace => open(trace.id));
        byId("service").append(...store.services.map(name => el("option", {value: name}, name)));
        this.listen();
    }

    listen() {
        const form = byId("filter");
        form.addEventListener("submit", event => event.preventDefault());
        form.addEventListener("input", () => {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this.update(), 120);
        });
        form.addEventListener("reset", () => setTimeout(() => this.update()));
        this.grid.addEventListener("click", event => {
            const row = event.target.closest("[data-index]");
            if (row) this.open(this.found[row.dataset.index].id);
        });
        this.grid.addEventListener("keydown", event => this.keyPress(event));
    }

    keyPress(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const target = this.rows.keyTarget(event.key);
        if (target >= 0) this.rows.activate(target);
        else if (event.key === "Enter" && this.rows.active >= 0) this.open(this.found[this.rows.active].id);
        else return;
        event.preventDefault();
    }

    wanted() {
        const slower = byId("slower").value.trim(),
            slowerThan = slower ? durationParse(slower) : -1;
        byId("slower-wrong").textContent = isNaN(slowerThan) ? "A time like 500ms or 2s is needed." : "";
        byId("slower").setAttribute("aria-invalid", isNaN(slowerThan));
        return {
            query: byId("q").value,
            service: byId("service").value,
            isFailed: byId("errors").checked,
            slowerThan: isNaN(slowerThan) ? -1 : slowerThan
        };
    }

    update() {
        this.found = this.search.find(this.wanted(), byId("sort").value);
        this.longest = this.found.reduce((most, trace) => Math.max(most, trace.duration), 1);
        this.rows.scroller.scrollTop = 0;
        this.rows.setCount(this.found.length);
        const all = this.store.traces.length,
            count = this.found.length;
        const text = count === all ? plural(all, "trace") : `${number.format(count)} of ${plural(all, "trace")}`;
        byId("count").textContent = count ? text : "No trace is all of this. Clear what is asked for to see all.";
        announce(byId("count").textContent);
        this.scatter.draw(this.found);
    }

    /* The place of a trace in the list as it is; -1: it is not in it. */
    place(id) {
        return this.found.findIndex(trace => trace.id === id);
    }

    row(trace) {
        const {store} = this,
            {name, path} = store.label(trace.head),
            service = store.serviceOf(trace.head);
        const bar = el("span", {className: "length"});
        bar.style.width = `${Math.max(1, (trace.duration / this.longest) * 100)}%`;
        const start = store.file.origin + trace.start;
        return el(
            "div",
            {role: "row", className: trace.errors ? "row failed" : "row"},
            el(
                "span",
                {role: "gridcell", className: "what"},
                serviceMark(store, service),
                el("b", {className: "service"}, service),
                el("span", {className: "name"}, name, path && el("span", {className: "path"}, ` ${path}`))
            ),
            el(
                "span",
                {role: "gridcell", className: "quiet", title: `${dayText(start)} ${clockText(start)}`},
                clockText(start)
            ),
            el(
                "span",
                {role: "gridcell", className: "took"},
                el("span", {className: "track", "aria-hidden": "true"}, bar),
                durationText(trace.duration)
            ),
            el("span", {role: "gridcell", className: "number"}, number.format(trace.spans)),
            el(
                "span",
                {role: "gridcell", className: trace.errors ? "number error" : "number quiet"},
                trace.errors ? `✕ ${number.format(trace.errors)}` : "0"
            ),
            el(
                "span",
                {role: "gridcell", className: "services"},
                ...trace.services.slice(0, 12).map(i => serviceMark(store, store.services[i])),
                el(
                    "span",
                    {className: "quiet"},
                    trace.services.length > 3
                        ? ` ${trace.services.length} services`
                        : ` ${trace.services.map(i => store.services[i]).join(", ")}`
                )
            )
        );
    }
}

/* Its colour; the name stands beside it, or is told. */
function serviceMark(store, service) {
    const mark = el("i", {className: "mark", title: service, "aria-hidden": "true"});
    mark.style.setProperty("--color", serviceColor(store, service));
    return mark;
}

function serviceColor(store, service) {
    const place = store.colors.get(service);
    return place === undefined ? "var(--quiet)" : `var(--service-${place})`;
}

/* How long each trace took, by when it began: each a point, those with errors a cross. */
class Scatter {
    constructor(store, canvas, open) {
        this.store = store;
        this.canvas = canvas;
        this.points = [];
        canvas.addEventListener("click", event => {
            const found = this.nearest(event.offsetX, event.offsetY);
            if (found) open(found);
        });
        canvas.addEventListener("mousemove", event => {
            const found = this.nearest(event.offsetX, event.offsetY);
            canvas.title = found
                ? `${store.serviceOf(found.head)} ${store.nameOf(found.head)}, ${durationText(found.duration)}`
                : "";
            canvas.classList.toggle("over", Boolean(found));
        });
        new ResizeObserver(() => this.draw(this.traces || [])).observe(canvas);
    }

    nearest(x, y) {
        let best = null,
            distance = 100;
        for (const [px, py, trace] of this.points) {
            const d = (px - x) ** 2 + (py - y) ** 2;
            if (d < distance) [best, distance] = [trace, d];
        }
        return best;
    }

    draw(traces) {
        this.traces = traces;
        const {context, width, height} = canvasOf(this.canvas);
        this.points = [];
        this.canvas.hidden = traces.length < 2;
        if (!width || traces.length < 2) return;
        const color = colorReader();
        const from = traces.reduce((least, trace) => Math.min(least, trace.start), Infinity);
        const to = traces.reduce((most, trace) => Math.max(most, trace.start), 0);
        const most = traces.reduce((value, trace) => Math.max(value, trace.duration), 1);
        const least = Math.log(
            Math.max(
                1,
                traces.reduce((value, trace) => Math.min(value, trace.duration), Infinity)
            )
        );
        const x = us => 6 + (to > from ? (us - from) / (to - from) : 0.5) * (width - 12);
        const y = us =>
            height -
            18 -
            ((Math.log(Math.max(1, us)) - least) / Math.max(Math.log(most) - least, 1e-9)) * (height - 32);
        context.fillStyle = color("--quiet");
        context.font = "11px system-ui, sans-serif";
        context.fillText(clockText(this.store.file.origin + from), 6, height - 3);
        context.textAlign = "right";
        context.fillText(clockText(this.store.file.origin + to), width - 6, height - 3);
        context.textAlign = "left";
        context.fillText(`slowest ${durationText(most)}`, 6, 11);
        for (const trace of traces) {
            const px = x(trace.start),
                py = y(trace.duration);
            this.points.push([px, py, trace]);
            if (trace.errors) continue;
            context.globalAlpha = 0.55;
            context.fillStyle = color(`--service-${this.store.colors.get(this.store.serviceOf(trace.head))}`);
            context.fillRect(px - 1.5, py - 1.5, 3, 3);
        }
        context.globalAlpha = 1;
        context.strokeStyle = color("--error");
        context.beginPath();
        for (const [px, py, trace] of this.points)
            if (trace.errors) {
                context.moveTo(px - 3, py - 3);
                context.lineTo(px + 3, py + 3);
                context.moveTo(px + 3, py - 3);
                context.lineTo(px - 3, py + 3);
            }
        context.stroke();
    }
}
