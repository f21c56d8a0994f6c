/* Elements. What comes from the file is only ever text: nothing here takes markup. */

const byId = id => document.getElementById(id);

/* el("td", {className: "number", "aria-label": "…"}, "text", element, …) */
function el(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties || {})) {
        if (value === undefined || value === null || value === false) continue;
        if (key in element && !key.includes("-") && key !== "role") element[key] = value;
        else element.setAttribute(key, value);
    }
    element.append(...children.filter(child => child !== null && child !== undefined && child !== false));
    return element;
}

function svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes || {})) element.setAttribute(key, value);
    element.append(...children);
    return element;
}

function announce(text) {
    byId("announce").textContent = text;
}

/* A table whose columns sort. @columns: {name, of(row), show(row)?, isNumber}. @limit: rows before "Show all". */
function sortableTable(caption, columns, rows, sortBy, limit = 100) {
    const body = el("tbody");
    const state = {column: sortBy, isDown: columns[sortBy].isNumber, limit};
    const more = el("button", {
        type: "button",
        className: "more",
        onclick: () => {
            state.limit = Infinity;
            fill();
        }
    });
    const heads = columns.map((column, i) =>
        el(
            "th",
            {scope: "col", className: column.isNumber ? "number" : ""},
            el(
                "button",
                {
                    type: "button",
                    onclick: () => {
                        state.isDown = state.column === i ? !state.isDown : Boolean(column.isNumber);
                        state.column = i;
                        fill();
                    }
                },
                column.name
            )
        )
    );

    function cell(column, row, i) {
        const shown = (column.show || column.of)(row);
        return el(i ? "td" : "th", {scope: i ? undefined : "row", className: column.isNumber ? "number" : ""}, shown);
    }

    function fill() {
        const {of} = columns[state.column];
        const sorted = rows
            .slice()
            .sort((a, b) => (of(a) < of(b) ? -1 : of(a) > of(b) ? 1 : 0) * (state.isDown ? -1 : 1));
        body.replaceChildren(
            ...sorted
                .slice(0, state.limit)
                .map(row => el("tr", {}, ...columns.map((column, i) => cell(column, row, i))))
        );
        heads.forEach((head, i) =>
            head.setAttribute("aria-sort", i !== state.column ? "none" : state.isDown ? "descending" : "ascending")
        );
        more.hidden = sorted.length <= state.limit;
        more.textContent = `Show all ${number.format(sorted.length)}`;
    }

    fill();
    return el(
        "div",
        {className: "table"},
        el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...heads)), body),
        more
    );
}

/* Keys and values. */
function factTable(caption, entries) {
    return el(
        "table",
        {className: "facts-table"},
        el("caption", {}, caption),
        el(
            "thead",
            {className: "unseen"},
            el("tr", {}, el("th", {scope: "col"}, "Name"), el("th", {scope: "col"}, "Value"))
        ),
        el(
            "tbody",
            {},
            ...entries.map(([key, value]) =>
                el(
                    "tr",
                    {},
                    el("th", {scope: "row"}, key),
                    el("td", {}, value instanceof Node ? value : valueText(value))
                )
            )
        )
    );
}
