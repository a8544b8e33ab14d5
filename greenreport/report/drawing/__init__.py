"""Draw: colours, Vega-Lite to SVG and PNG, hand-made SVG with its text, and texts made safe to show."""
