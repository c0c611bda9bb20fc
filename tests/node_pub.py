"""A pub for Node: the example of a source of that kind.

It keeps its data as the pub for Node did that once came with the service. So tests let bots move from it to the built-in
pub, and back.
"""

from pathlib import Path

NODE_PUB = Path(__file__).parents[1] / "examples" / "greeting_pub"
