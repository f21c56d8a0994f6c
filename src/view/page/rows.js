/* A list of any length of which only the rows that can be seen are elements. */

const SCROLL_MAX = 8e6; /* pixels: beyond, browsers lose count */

class Rows {
    /* @grid: has .scroll with .body in it. @rowHeight: pixels. @render(index): the row's element. */
    constructor(grid, rowHeight, render) {
        this.grid = grid;
        this.scroller = grid.querySelector(".scroll");
        this.body = grid.querySelector(".body");
        this.rowHeight = rowHeight;
        this.render = render;
        this.count = 0;
        this.active = -1;
        this.elements = new Map();
        this.scroller.addEventListener("scroll", () => this.schedule(), {passive: true});
        new ResizeObserver(() => this.schedule()).observe(this.scroller);
    }

    setCount(count, active = -1) {
        this.count = count;
        this.active = active;
        this.height = Math.min(count * this.rowHeight, SCROLL_MAX);
        this.body.style.height = `${this.height}px`;
        this.grid.setAttribute("aria-rowcount", count + 1);
        this.refresh();
    }

    schedule() {
        this.frame ||= requestAnimationFrame(() => this.update());
    }

    /* All rows anew: what they show has changed. */
    refresh() {
        this.elements.clear();
        this.body.replaceChildren();
        this.update();
    }

    /* How far the rows are above where they would be if all had room. */
    offset() {
        const room = this.height - this.scroller.clientHeight;
        const all = this.count * this.rowHeight - this.scroller.clientHeight;
        return room > 0 && all > room ? (this.scroller.scrollTop * (all - room)) / room : 0;
    }

    update() {
        cancelAnimationFrame(this.frame);
        this.frame = 0;
        const offset = this.offset(),
            top = this.scroller.scrollTop + offset;
        const first = Math.max(0, Math.floor(top / this.rowHeight) - 4);
        const last = Math.min(this.count, Math.ceil((top + this.scroller.clientHeight) / this.rowHeight) + 4);
        for (const [index, element] of this.elements)
            if (index < first || index >= last) {
                element.remove();
                this.elements.delete(index);
            }
        for (let index = first; index < last; index++) {
            let element = this.elements.get(index);
            if (!element) {
                element = this.make(index);
                this.elements.set(index, element);
                this.body.append(element);
            }
            element.style.transform = `translateY(${index * this.rowHeight - offset}px)`;
        }
        this.mark();
    }

    make(index) {
        const element = this.render(index);
        element.id = `${this.grid.id}-${index}`;
        element.setAttribute("aria-rowindex", index + 2);
        element.dataset.index = index;
        return element;
    }

    mark() {
        for (const [index, element] of this.elements) element.setAttribute("aria-selected", index === this.active);
        if (this.elements.has(this.active))
            this.grid.setAttribute("aria-activedescendant", `${this.grid.id}-${this.active}`);
        else this.grid.removeAttribute("aria-activedescendant");
    }

    /* Makes a row the active one, and brings it into view. */
    activate(index) {
        if (!this.count) return;
        this.active = Math.max(0, Math.min(this.count - 1, index));
        const {scroller, rowHeight} = this,
            at = this.active * rowHeight - this.offset();
        if (at < scroller.scrollTop + rowHeight || at > scroller.scrollTop + scroller.clientHeight - 2 * rowHeight) {
            const all = this.count * rowHeight - scroller.clientHeight,
                room = this.height - scroller.clientHeight;
            const wanted = Math.max(0, this.active * rowHeight - scroller.clientHeight / 2);
            scroller.scrollTop = all > room && room > 0 ? (wanted * room) / all : wanted;
        }
        this.update();
    }

    /* The row that a key leads to; -1: it is no such key. */
    keyTarget(key) {
        const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight) - 1);
        const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
        return key in steps
            ? Math.max(
                  0,
                  Math.min(
                      this.count - 1,
                      Math.max(this.active, 0) + (this.active < 0 && steps[key] === 1 ? 0 : steps[key])
                  )
              )
            : -1;
    }

    /* On paper there is no scrolling: up to @max rows, all at once. Returns how many are left out. */
    beginPrint(max) {
        this.elements.clear();
        this.body.replaceChildren(...Array.from({length: Math.min(max, this.count)}, (_, i) => this.make(i)));
        return Math.max(0, this.count - max);
    }

    endPrint() {
        this.refresh();
    }
}
