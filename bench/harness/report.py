"""Markdown and SVG of what was measured."""

from statistics import median

STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2937}.t{font-weight:600;font-size:15px}"
    ".n{fill:#6b7280;font-size:12px}.a{fill:#0f766e}.b{fill:#94a3b8}")


def spread(values, digits=0):
    """The median, and from where to where the rounds went."""
    middle = f"{median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def figures(name, rounds, rate=True):
    """A row: rate, latencies, processor and memory."""
    value = lambda key: median(getattr(figure, key) for figure in rounds)
    return [
        name,
        spread([figure.rate for figure in rounds]) if rate else "",
        f"{value('p50'):.1f}",
        f"{value('p99'):.1f}",
        f"{value('service'):.2f}" if value("service") else "",
        f"{value('database'):.2f}",
        f"{value('load'):.2f}",
        f"{value('memory'):.0f}" if value("memory") else "",
    ]


HEAD = ["", "a second", "p50 ms", "p99 ms", "service", "PostgreSQL", "load", "MiB"]


def bars(title, note, values):
    """Horizontal bars: name, value, whether it is ours."""
    width, left, line = 760, 250, 30
    top = max(value for _, value, _ in values)
    height = 70 + line * len(values)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="16" y="26">{title}</text>',
        f'<text class="n" x="16" y="46">{note}</text>',
    ]
    for place, (name, value, is_ours) in enumerate(values):
        y = 62 + place * line
        length = value / top * (width - left - 90)
        parts += [
            f'<text x="{left - 10}" y="{y + 16}" text-anchor="end">{name}</text>',
            f'<rect class="{"a" if is_ours else "b"}" x="{left}" y="{y}" width="{length:.0f}" height="22" rx="3"/>',
            f'<text x="{left + length + 8:.0f}" y="{y + 16}">{value:,.0f}</text>',
        ]
    return "\n".join(parts + ["</svg>"]) + "\n"
