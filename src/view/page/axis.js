/* Time along a line: which part of a trace is shown, and where its ticks are; and canvases. */

/* A canvas cleared, in pixels of the page. */
function canvasOf(canvas) {
    const ratio = window.devicePixelRatio || 1,
        width = canvas.clientWidth,
        height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    return {context, width, height};
}

/* What a colour of colors.css is now, each asked for once: canvases know nothing of variables. */
function colorReader() {
    const probe = byId("announce"),
        known = new Map();
    return name => {
        if (!known.has(name)) {
            probe.style.color = `var(${name})`;
            known.set(name, getComputedStyle(probe).color);
        }
        return known.get(name);
    };
}

/* Round times between @from and @to, about @count of them. */
function ticksOf(from, to, count) {
    const rough = Math.max((to - from) / count, 1e-3),
        power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(factor => factor * power).find(value => value >= rough) || rough;
    const ticks = [];
    for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
    return ticks;
}

/* The part of a trace that is shown, in microseconds after its start. */
class Window {
    constructor(total, changed) {
        this.total = Math.max(total, 1);
        this.changed = changed;
        this.from = 0;
        this.to = this.total;
    }

    set(from, to) {
        const length = Math.min(this.total, Math.max(to - from, Math.min(this.total, 1)));
        this.from = Math.max(0, Math.min(from, this.total - length));
        this.to = this.from + length;
        this.changed();
    }

    /* By @factor, so that what is at @at stays where it is. */
    zoom(factor, at = (this.from + this.to) / 2) {
        const length = (this.to - this.from) * factor;
        const share = (at - this.from) / (this.to - this.from);
        this.set(at - share * length, at + (1 - share) * length);
    }

    pan(share) {
        const by = (this.to - this.from) * share;
        this.set(this.from + by, this.to + by);
    }

    all() {
        this.set(0, this.total);
    }
    isAll() {
        return this.from <= 0 && this.to >= this.total;
    }
    /* 0 to 1 within what is shown. */
    share(us) {
        return (us - this.from) / (this.to - this.from);
    }
}
