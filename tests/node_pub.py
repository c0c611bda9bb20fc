"""A pub for Node: the example of a source of that kind.

It keeps its data like the Node pub that the service used to ship. So tests move bots from it to the built-in pub, and back.
"""

from pathlib import Path

NODE_PUB = Path(__file__).parents[1] / "examples" / "greeting_pub"
