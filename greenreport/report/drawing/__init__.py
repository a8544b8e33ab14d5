"""Drawing: colours, Vega-Lite to SVG and PNG, text of hand-made SVG, and texts made safe to show."""
