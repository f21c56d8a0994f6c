/* The whole trace at a glance, and which part of it is shown. */
class Minimap {
    constructor(waterfall) {
        this.waterfall = waterfall;
        this.canvas = byId("minimap");
        this.canvas.addEventListener("pointerdown", event => this.drag(event));
        this.canvas.addEventListener("dblclick", () => waterfall.window.all());
    }

    timeAt(x) {
        const {left, width} = this.canvas.getBoundingClientRect();
        return Math.max(0, Math.min(1, (x - left) / width)) * this.waterfall.window.total;
    }

    drag(event) {
        const from = this.timeAt(event.clientX),
            {window} = this.waterfall;
        const move = to => {
            const [low, high] = [from, this.timeAt(to.clientX)].sort((a, b) => a - b);
            if (high - low > window.total / 200) window.set(low, high);
        };
        const end = () => {
            removeEventListener("pointermove", move);
            removeEventListener("pointerup", end);
        };
        addEventListener("pointermove", move);
        addEventListener("pointerup", end);
        event.preventDefault();
    }

    /* The bars, which are drawn anew only when they would look otherwise. */
    bars(width, height) {
        const {tree} = this.waterfall,
            {store} = tree,
            color = colorReader();
        const key = [width, height, color("--error"), window.devicePixelRatio].join(" ");
        if (this.tree === tree && this.key === key) return this.image;
        Object.assign(this, {tree, key, image: document.createElement("canvas")});
        this.image.width = this.canvas.width;
        this.image.height = this.canvas.height;
        const context = this.image.getContext("2d"),
            total = this.waterfall.window.total;
        context.scale(this.canvas.width / width, this.canvas.height / height);
        const line = Math.min(4, Math.max(1, (height - 4) / tree.count));
        for (let i = 0; i < tree.count; i++) {
            const node = tree.order[i],
                service = store.colors.get(store.serviceOf(tree.row(node)));
            context.fillStyle = color(tree.isError(node) ? "--error" : `--service-${service}`);
            const x = ((tree.start[node] - tree.from) / total) * width;
            const length = Math.max(1, ((tree.end[node] - tree.start[node]) / total) * width);
            context.fillRect(x, 2 + (i / tree.count) * (height - 4), length, line);
        }
        return this.image;
    }

    draw() {
        const view = this.waterfall.window,
            {context, width, height} = canvasOf(this.canvas);
        if (!width) return;
        context.drawImage(this.bars(width, height), 0, 0, width, height);
        if (view.isAll()) return;
        const color = colorReader(),
            from = (view.from / view.total) * width,
            to = (view.to / view.total) * width;
        context.fillStyle = color("--shade");
        context.fillRect(0, 0, from, height);
        context.fillRect(to, 0, width - to, height);
        context.fillStyle = color("--text");
        context.fillRect(from - 1, 0, 2, height);
        context.fillRect(to - 1, 0, 2, height);
    }
}
