"""The pages. They contain no rules: they ask `butt.agents` and show what it says."""
