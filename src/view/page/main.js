/* What is shown is what the address says: #traces, #trace=ID&span=ID, #services, #service=NAME, #processes. */

const VIEWS = ["traces", "trace", "services", "processes"];
const PRINTED_ROWS_MAX = 3000;

function totalsText(file) {
    return `${plural(file.traces, "trace")} · ${plural(file.spans, "span")}`;
}

/* What of the file is not in this page, so that nobody takes a part for all. */
function leftOutText(file) {
    const told = [],
        left = file.tracesAskedFor - file.traces,
        unasked = file.tracesInFile - file.tracesAskedFor;
    if (unasked > 0) told.push(`Not asked for: ${plural(unasked, "trace")} of the file.`);
    if (left > 0)
        told.push(
            `Not in this page, to keep it quick: ${plural(left, "trace")} of ${number.format(file.tracesAskedFor)}. ` +
                `--limit ${file.tracesAskedFor} puts all into it.`
        );
    if (file.skipped) told.push(`${file.skipped}.`);
    return told.join(" ");
}

class Page {
    constructor(store) {
        this.store = store;
        this.list = new TraceList(store, id => {
            location.hash = `trace=${id}`;
        });
        this.trace = new TraceView(store, this.list);
        this.services = new ServicesView(store);
        this.processes = new ProcessesView(store);
        byId("file").textContent = store.file.file;
        byId("totals").textContent = totalsText(store.file);
        byId("left-out").textContent = leftOutText(store.file);
        byId("left-out").hidden = !byId("left-out").textContent;
        document.title = `${store.file.file} – run-traced`;
        addEventListener("hashchange", () => this.route());
        addEventListener("keydown", event => this.keyPress(event));
        addEventListener("beforeprint", () => this.print());
        addEventListener("afterprint", () => this.printed());
        byId("skip").addEventListener("click", event => {
            event.preventDefault();
            byId("main").focus();
        });
        byId("help-open").addEventListener("click", () => byId("help").showModal());
        this.route();
    }

    route() {
        const hash = location.hash.slice(1) || "traces",
            parts = new URLSearchParams(hash);
        if (parts.has("trace")) {
            this.open("trace");
            if (this.trace.show(parts.get("trace"), parts.get("span"))) {
                if (document.activeElement?.closest("#details") === null || !parts.get("span"))
                    byId("waterfall").focus({preventScroll: true});
                return;
            }
            this.open("traces");
            byId("count").textContent = `The trace ${parts.get("trace")} is not in this page.`;
            announce(byId("count").textContent);
            return;
        }
        if (parts.has("service")) {
            byId("filter").reset();
            byId("service").value = parts.get("service");
            location.replace("#traces");
            this.list.update();
            return;
        }
        const view = VIEWS.includes(hash) && hash !== "trace" ? hash : "traces";
        this.open(view);
        if (view === "services") this.services.show();
        if (view === "processes") this.processes.show();
    }

    open(view) {
        for (const name of VIEWS) byId(`view-${name}`).hidden = name !== view;
        const tab = view === "trace" ? "traces" : view;
        for (const link of document.querySelectorAll("nav a"))
            link.id === `tab-${tab}` ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
        if (view === "traces" && this.view !== "traces") {
            if (!this.isListed) this.list.update();
            this.isListed = true;
            const place = this.trace.tree ? this.list.place(this.trace.tree.trace.id) : -1;
            if (place >= 0) this.list.rows.activate(place);
            this.list.rows.schedule();
            if (this.view) byId("list").focus({preventScroll: true});
        }
        this.view = view;
    }

    keyPress(event) {
        if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
        const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
        const keys = {"?": () => byId("help").showModal()};
        if (this.view === "trace")
            Object.assign(keys, {"[": () => this.trace.neighbour(-1), "]": () => this.trace.neighbour(1)});
        if (event.key === "Escape" && isTyping) event.target.blur();
        else if (event.key === "Escape" && this.view !== "traces")
            event.target.closest("#details") ? byId("waterfall").focus() : (location.hash = "traces");
        else if (event.key === "/" && !isTyping) {
            if (this.view !== "traces") location.hash = "traces";
            setTimeout(() => byId("q").focus());
        } else if (event.key in keys && !isTyping) keys[event.key]();
        else return;
        event.preventDefault();
    }

    print() {
        const rows = this.view === "trace" ? this.trace.waterfall.rows : this.view === "traces" ? this.list.rows : null;
        const left = rows ? rows.beginPrint(PRINTED_ROWS_MAX) : 0;
        if (left) rows.body.append(el("p", {className: "empty"}, `${number.format(left)} more rows are not printed.`));
    }

    printed() {
        this.trace.waterfall.rows.endPrint();
        this.list.rows.endPrint();
    }
}

/* Auto follows the system; the others stay, where the browser remembers them. */
function themeButton(changed) {
    const names = ["auto", "light", "dark"],
        button = byId("theme");
    let at = 0;
    try {
        at = Math.max(0, names.indexOf(localStorage.getItem("run-traced-theme")));
    } catch {
        /* A page from a file may have no memory. */
    }
    const apply = () => {
        document.documentElement.dataset.theme = names[at];
        button.textContent = `Theme: ${names[at]}`;
    };
    button.addEventListener("click", () => {
        at = (at + 1) % names.length;
        apply();
        try {
            localStorage.setItem("run-traced-theme", names[at]);
        } catch {
            /* as above */
        }
        changed();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
    apply();
}

let page = null;
themeButton(() => {
    page?.trace.waterfall.redraw();
    page?.list.scatter.draw(page.list.found);
});
unpack(byId("spans").textContent)
    .then(text => {
        byId("spans").remove();
        page = new Page(new Store(JSON.parse(text)));
        byId("loading").remove();
        document.documentElement.dataset.ready = "true";
    })
    .catch(error => {
        byId("loading").textContent = `The spans of this page cannot be read: ${error.message}`;
        document.documentElement.dataset.ready = "failed";
        throw error;
    });
