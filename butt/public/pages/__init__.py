"""The pages. They hold no rules: they ask `butt.agents` and show what it says."""
