/* Numbers and times for people. */

const number = new Intl.NumberFormat("en");

function plural(count, word) {
    return `${number.format(count)} ${word}${count === 1 ? "" : "s"}`;
}

/* Three significant digits, as the terminal has them. */
function significant(value) {
    return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function durationText(us) {
    if (us < 0) return `-${durationText(-us)}`;
    if (us < 999.5) return `${Math.round(us)} µs`;
    if (us < 999500) return `${significant(us / 1e3)} ms`;
    if (us < 120e6) return `${significant(us / 1e6)} s`;
    const seconds = Math.round(us / 1e6);
    return seconds < 7200
        ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
        : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/* "500ms", "2s", "1.5 s" in microseconds; NaN if it is none. */
function durationParse(text) {
    const match = /^\s*(\d+(?:\.\d+)?)\s*(us|µs|ms|s|m|min|h)?\s*$/.exec(text);
    const units = {us: 1, µs: 1, ms: 1e3, s: 1e6, m: 60e6, min: 60e6, h: 3600e6};
    return match ? match[1] * units[match[2] || "ms"] : NaN;
}

const two = value => String(value).padStart(2, "0");

/* Local time of day with milliseconds. */
function clockText(us) {
    const date = new Date(us / 1000);
    return (
        `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.` +
        String(date.getMilliseconds()).padStart(3, "0")
    );
}

function dayText(us) {
    const date = new Date(us / 1000);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function percentText(part, whole) {
    const percent = whole ? (part / whole) * 100 : 0;
    return percent > 0 && percent < 1 ? "<1 %" : `${Math.round(percent)} %`;
}

/* Of sorted values, by the nearest rank. */
function quantile(sorted, q) {
    return sorted.length ? sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] : 0;
}

function valueText(value) {
    return typeof value === "string" ? value : JSON.stringify(value);
}
