"""Figures of several rounds as tables and as a chart."""
